"""RCAP: the example by hand, its two terms, ties, bases, and how it is gamed."""

from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.attribution.metrics.rcap import Rcap, blur, calibrated, matched, rcap
from antigrad.core.errors import InputValueError
from helpers.fixed import fixed, small_network

RAMP = (torch.arange(10, dtype=torch.float64) / 9).reshape(1, 2, 5)


def hand(maps: Tensor, **options: Any) -> Rcap:
    """An image of ones whose first logit is the sum of its pixels."""

    def probabilities(images: Tensor) -> Tensor:
        total = images.sum((1, 2, 3))
        return torch.stack([total, torch.zeros_like(total)], 1).softmax(1)

    return rcap(
        probabilities, torch.ones(1, 1, 2, 5, dtype=torch.float64), maps, torch.zeros(1, dtype=torch.long), **options
    )


def test_the_example_by_hand() -> None:
    found = hand(RAMP)
    assert (45 * found.hit).tolist()[0] == pytest.approx([9, 17, 24, 30, 35])
    assert found.probability.tolist()[0] == pytest.approx(torch.sigmoid(torch.arange(1.0, 6)).tolist())
    assert found.score.item() == pytest.approx(0.482848979981421, abs=1e-10)
    assert found.rank_only.item() == pytest.approx(0.907950144508789, abs=1e-10)
    assert found.area.tolist()[0] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


@pytest.mark.parametrize(
    ("power", "score"),
    [(2, 0.597113822106949), (4, 0.725186414539338), (8, 0.826516014980618), (64, 0.907872309392415)],
)
def test_sharpening_raises_it_without_changing_a_rank(power: int, score: float) -> None:
    found = hand(RAMP**power)
    assert found.score.item() == pytest.approx(score, abs=1e-10)
    assert found.rank_only.item() == pytest.approx(0.907950144508789, abs=1e-10)
    assert hand(calibrated(RAMP**power)).score.item() == pytest.approx(0.463054014024445, abs=1e-10)


def test_calibrated_shares_of_mass() -> None:
    assert hand(calibrated(RAMP)).hit.tolist()[0] == pytest.approx([0.19, 0.36, 0.51, 0.64, 0.75])


@pytest.mark.parametrize(
    ("maps", "paper", "rank"),
    [
        (torch.ones(1, 2, 5).double(), 0.999954602131298, 0.284899320411666),
        (torch.zeros(1, 2, 5).double(), 0.0, 0.0),
        ((RAMP > 0.85).double(), 0.880797077977882, 0.834844286645788),
    ],
)
def test_maps_with_ties(maps: Tensor, paper: float, rank: float) -> None:
    assert hand(maps).score.item() == pytest.approx(paper, abs=1e-10)
    assert hand(maps, ties="rank").score.item() == pytest.approx(rank, abs=1e-10)


def test_the_base_matters() -> None:
    assert hand(RAMP, base="grey").score.item() == pytest.approx(0.510393897798258, abs=1e-10)


def network(maps: Tensor, **options: Any) -> Rcap:
    """Two images under a small network."""
    model = small_network()
    images = fixed(2, 3, 12, 10) + 0.5
    with torch.no_grad():
        return rcap(lambda x: model(20 * x).softmax(1), images, maps, torch.tensor([0, 1]), **options)


def test_bounds_and_nesting() -> None:
    maps = fixed(2, 12, 10) + 0.5
    found = network(maps, keep=True)
    assert (found.score <= found.rank_only + 1e-15).all()
    assert (found.hit.diff(dim=1) >= 0).all()
    assert found.recovered is not None
    assert found.recovered.shape == (2, 5, 3, 12, 10)
    images = fixed(2, 3, 12, 10) + 0.5
    whole = (found.recovered == images[:, None]).all(2)
    assert ((found.recovered == 0).all(2) | whole).all()
    assert (whole[:, :-1] <= whole[:, 1:]).all()
    assert whole.flatten(2).sum(2).tolist() == [[12, 24, 36, 48, 60]] * 2
    assert (maps[0][whole[0, 0]].min() > maps[0][~whole[0, 0]].max()).item()


@pytest.mark.parametrize("change", [lambda m: m**3, lambda m: (m.exp() - 1) / 2, lambda m: 0.2 + 0.7 * m])
def test_ranks_decide_two_of_the_three(change: Any) -> None:
    maps = fixed(2, 12, 10) + 0.5
    before, after = network(maps), network(change(maps))
    assert torch.equal(before.rank_only, after.rank_only)
    assert torch.equal(network(calibrated(maps)).score, network(calibrated(change(maps))).score)
    assert (before.score != after.score).all()


@pytest.mark.parametrize("base", ["black", "grey", "mean", "blurred"])
def test_bases_are_what_they_say(base: Any) -> None:
    images = fixed(2, 3, 12, 10) + 0.5
    found = network(fixed(2, 12, 10) + 0.5, base=base, keep=True).recovered
    assert found is not None
    hidden = (fixed(2, 12, 10) + 0.5).flatten(1).argmin(1)
    values = found[:, 0].flatten(2)[torch.arange(2), :, hidden]
    expected = {
        "black": torch.zeros(2, 3).double(),
        "grey": torch.full((2, 3), 0.5).double(),
        "mean": images.mean((2, 3)),
        "blurred": blur(images, 10 / 11).flatten(2)[torch.arange(2), :, hidden],
    }[base]
    torch.testing.assert_close(values, expected)


def test_blurring_keeps_the_mean_of_the_inside_and_smooths() -> None:
    constant = torch.full((1, 2, 9, 9), 0.3)
    torch.testing.assert_close(blur(constant, 2.0), constant)
    spike = torch.zeros(1, 1, 31, 31)
    spike[..., 15, 15] = 1
    out = blur(spike, 2.0)
    assert out.sum().item() == pytest.approx(1, abs=1e-5)
    assert (out[0, 0, 15, 17] / out[0, 0, 15, 15]).item() == pytest.approx(torch.tensor(-0.5).exp().item(), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"stages": [1.0]}, "stages"), ({"base": "blak"}, "did you mean 'black'"), ({"ties": "ranks"}, "mean 'rank'")],
)
def test_options_that_mean_nothing(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputValueError, match=message):
        hand(RAMP, **options)


def test_maps_that_are_none() -> None:
    for maps in (2 * RAMP, RAMP * float("nan")):
        with pytest.raises(InputValueError, match=r"maps outside \[0, 1\]"):
            hand(maps)
    with pytest.raises(InputValueError, match=r"maps \(1, 5, 2\)"):
        hand(RAMP.reshape(1, 5, 2))


def test_two_maps_with_one_histogram() -> None:
    """After matching, a power of a map scores what the map scores: only the ranking is left."""
    other = fixed(1, 2, 5).abs()
    assert hand(matched(RAMP**8, other)).score.item() == pytest.approx(
        hand(matched(RAMP, other)).score.item(), abs=1e-12
    )
    assert matched(RAMP, other).flatten().tolist() == pytest.approx(other.flatten().sort().values.tolist())
    assert hand(matched(RAMP.flip(2).flip(1), RAMP)).score.item() == pytest.approx(hand(RAMP).score.item())
    torch.testing.assert_close(matched(other, other), other)


@pytest.mark.parametrize("target", [torch.tensor([2]), torch.tensor([-1]), torch.tensor([0.0])])
def test_classes_that_are_none(target: Tensor) -> None:
    with pytest.raises(InputValueError, match="whole numbers, 0 to 1"):
        rcap(lambda images: torch.full((len(images), 2), 0.5), torch.ones(1, 1, 2, 5), RAMP, target)


def test_no_image_has_no_score() -> None:
    none = torch.empty(0, dtype=torch.long)
    found = rcap(lambda images: torch.ones(len(images), 2), torch.ones(0, 1, 2, 5), RAMP[:0], none)
    assert found.score.shape == found.rank_only.shape == (0,)
