"""Which sign a view keeps, and moments of either sign, by hand."""

import pytest
import torch

from antigrad.attribution.methods.moments import Moments
from antigrad.attribution.views import reduced, to_map
from antigrad.core.errors import InputValueError

# Two channels, three pixels: (1, −3), (−2, 0.5), (0, 4).
GIVEN = torch.tensor([[[[1.0, -2.0, 0.0]], [[-3.0, 0.5, 4.0]]]])


@pytest.mark.parametrize(
    ("view", "sums", "shown"),
    [
        ("absolute", [4.0, 2.5, 4.0], [1.0, 0.0, 1.0]),
        ("positive", [1.0, 0.5, 4.0], [1 / 7, 0.0, 1.0]),
        ("negative", [3.0, 2.0, 0.0], [1.0, 2 / 3, 0.0]),
        ("signed", [-2.0, -1.5, 4.0], [-0.5, -0.375, 1.0]),
    ],
)
def test_what_a_view_keeps(view: str, sums: list[float], shown: list[float]) -> None:
    assert reduced(GIVEN, view)[0, 0].tolist() == sums  # type: ignore[arg-type]
    assert to_map(GIVEN, view)[0, 0].tolist() == pytest.approx(shown)  # type: ignore[arg-type]


def test_each_picture_has_its_own_scale_and_a_constant_one_is_zero() -> None:
    two = torch.cat([GIVEN, 10 * GIVEN])
    assert torch.equal(*to_map(two))
    with pytest.warns(UserWarning, match="1 of 2 maps are constant"):
        found = to_map(torch.stack([torch.ones(1, 2, 2), torch.eye(2)[None]]))
    assert found[0].abs().sum() == 0 and torch.equal(found[1], torch.eye(2))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_no_map_of_zeros(bad: float) -> None:
    given = GIVEN.clone()
    given[0, 1, 0, 2] = bad
    with pytest.raises(InputValueError, match="NaN or inf"):
        to_map(given)


def test_moments_of_either_sign() -> None:
    moments = Moments()
    moments.add(torch.tensor([[1.0, -4.0], [-3.0, -2.0]]))
    moments.add(torch.tensor([[5.0, 3.0]]))
    assert moments.positive.tolist() == pytest.approx([2.0, 1.0])
    assert moments.negative.tolist() == pytest.approx([1.0, 2.0])
