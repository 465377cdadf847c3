"""Controls, paired differences, deletion and insertion."""

import math

import pytest
import torch
from torch import Tensor

from antigrad.attribution.metrics.controls import centre, model_free, power, sobel
from antigrad.attribution.metrics.insertion_deletion import curve, deletion_auc, insertion_auc
from antigrad.attribution.metrics.paired import above_controls, paired
from antigrad.core.errors import InputValueError
from helpers.fixed import fixed


def test_edges_are_where_the_image_changes() -> None:
    images = torch.zeros(1, 3, 8, 9)
    images[..., 4:] = 0.5
    edges = sobel(images)
    assert (edges[0, :, 3:5] == 1).all()
    assert (edges[0, :, :3] == 0).all() and (edges[0, :, 5:] == 0).all()
    assert torch.equal(sobel(images.transpose(2, 3)), edges.transpose(1, 2))
    torch.testing.assert_close(sobel(3 * images + 0.1), edges)


def test_the_centre_is_the_highest() -> None:
    found = centre(torch.zeros(2, 3, 5, 7))
    assert found.shape == (2, 5, 7)
    assert found[0, 2, 3] == 1
    assert found[0, 2, 6].item() == pytest.approx(math.exp(-1 / (2 * 0.35**2)))


def test_controls_need_images_only() -> None:
    images = fixed(2, 3, 6, 6).float()
    found = model_free(images, torch.Generator().manual_seed(0))
    assert list(found) == ["random", "sobel", "centre"]
    assert all(maps.shape == (2, 6, 6) and maps.min() >= 0 and maps.max() <= 1 for maps in found.values())
    assert torch.equal(power(found["centre"], 4).flatten(1).argsort(1), found["centre"].flatten(1).argsort(1))


def test_paired_differences_by_hand() -> None:
    found = paired(torch.tensor([3.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 3.0]), "sobel")
    assert found.mean == pytest.approx(1 / 3)
    assert found.error == pytest.approx(math.sqrt((25 / 9 + 1 / 9 + 16 / 9) / 6))
    assert (found.won, found.against) == (pytest.approx(1 / 3), "sobel")
    best = above_controls(torch.tensor([1.0, 1.0]), {"a": torch.tensor([0.0, 0.1]), "b": torch.tensor([0.9, 0.2])})
    assert best.against == "b"
    assert best.mean == pytest.approx(0.45)
    assert math.isnan(paired(torch.ones(1), torch.zeros(1)).error)
    for wrong in (lambda: paired(torch.ones(2), torch.ones(3)), lambda: above_controls(torch.ones(2), {})):
        with pytest.raises(InputValueError):
            wrong()


def linear(images: Tensor) -> Tensor:
    """Probability = share of the image that is shown, weighted by a ramp."""
    weights = torch.arange(1.0, 101).reshape(10, 10).double()
    share = (images[:, 0].double() * weights).sum((1, 2)) / weights.sum()
    return torch.stack([share, 1 - share], 1)


def test_deletion_and_insertion_by_hand() -> None:
    images, ramp = torch.ones(1, 1, 10, 10), torch.arange(1.0, 101).reshape(1, 10, 10)
    first, black = torch.zeros(1, dtype=torch.long), torch.zeros(1)
    kept = torch.tensor([sum(range(1, 10 * tenth + 1)) / 5050 for tenth in range(1, 11)], dtype=torch.float64)
    left = torch.trapezoid(kept, dx=0.1)
    assert deletion_auc(linear, images, ramp, first, base=black).item() == pytest.approx(float(left), abs=1e-10)
    worst = torch.trapezoid((1 - torch.cat([kept[:-1].flip(0), torch.zeros(1, dtype=torch.float64)])), dx=0.1)
    assert deletion_auc(linear, images, -ramp, first, base=black).item() == pytest.approx(float(worst), abs=1e-10)
    assert float(left) < float(worst)
    shown = curve(linear, images, ramp, first, under=torch.zeros_like(images), salient_first=True)
    assert shown[0, -1].item() == pytest.approx(sum(range(91, 101)) / 5050)
    assert insertion_auc(linear, images, ramp, first).item() == pytest.approx(0.9)  # A blurred image of ones is ones.


def test_insertion_is_higher_for_the_right_ranking() -> None:
    images = torch.zeros(1, 1, 10, 10)
    images[..., 5:, :] = 1
    ramp = torch.arange(1.0, 101).reshape(1, 10, 10)
    first = torch.zeros(1, dtype=torch.long)
    assert insertion_auc(linear, images, ramp, first).item() > insertion_auc(linear, images, -ramp, first).item()
    with pytest.raises(InputValueError, match="maps"):
        insertion_auc(linear, images, ramp[:, :5], first)
