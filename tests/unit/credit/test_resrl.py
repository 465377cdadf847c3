"""ResRL: factors by hand, and against an oracle that takes the singular vectors of the tokens themselves."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from antigrad.core import InputValueError
from antigrad.credit import CREDIT, Group
from antigrad.credit.resrl import ResRl

E = torch.eye(8, dtype=torch.float64)


def pair(a: int, b: int) -> Tensor:
    """A state that layer norm leaves alone but for its length: one coordinate up, one down."""
    return E[a] - E[b]


# Correct tokens along ±(e0 − e1) and ±(e2 − e3), the second less often: mean 0, two directions.
RIGHT = torch.stack([pair(0, 1), pair(1, 0), pair(0, 1), pair(1, 0), pair(2, 3), pair(3, 2)])
# Layer-normed, each has length √8: the shares outside the span of both directions are 0, ½, 1.
WRONG = torch.stack([pair(0, 1), pair(2, 3), pair(0, 1) + pair(4, 5), pair(4, 5), pair(6, 7)])


def group_of(right: Tensor, wrong: Tensor) -> Group:
    longest = max(len(right), len(wrong))
    hidden = torch.full((2, longest, right.shape[1]), math.nan, dtype=torch.float64)
    hidden[0, : len(right)], hidden[1, : len(wrong)] = right, wrong
    mask = torch.arange(longest) < torch.tensor([len(right), len(wrong)])[:, None]
    advantages = torch.tensor([2.0, -3.0], dtype=torch.float64)
    return Group(torch.zeros(mask.shape).long(), mask, torch.tensor([True, False]), advantages, hidden=hidden)


def test_distances_are_the_shares_outside_the_span() -> None:
    found = ResRl().distances(RIGHT, WRONG)
    torch.testing.assert_close(found, torch.tensor([0.0, 0, 0.5, 1, 1], dtype=torch.float64), atol=1e-4, rtol=0)
    # Rank 1 keeps the direction of more variance only.
    found = ResRl(rank=1).distances(RIGHT, WRONG)
    torch.testing.assert_close(found, torch.tensor([0.0, 1, 0.5, 1, 1], dtype=torch.float64), atol=1e-4, rtol=0)


def test_weights_by_hand() -> None:
    """The .2 and .8 quantiles of 0, 0, ½, 1, 1 are 0 and 1: factors .1, .1, .55, 1, 1."""
    weights = ResRl()(group_of(RIGHT, WRONG))
    expected = torch.tensor([-0.3, -0.3, -1.65, -3, -3, 0], dtype=torch.float64)
    torch.testing.assert_close(weights[1], expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(weights[0], torch.full((6,), 0.2, dtype=torch.float64))


def test_levels_of_the_quantiles_and_floor() -> None:
    """Between 0 and ½ (levels 0 and .5) everything beyond the middle is whole."""
    weights = CREDIT.make("resrl(low=0,high=0.5,floor=0.4,positive_weight=1)")(group_of(RIGHT, WRONG))
    expected = torch.tensor([-1.2, -1.2, -3, -3, -3, 0], dtype=torch.float64)
    torch.testing.assert_close(weights[1], expected, atol=1e-4, rtol=0)
    assert weights[0].tolist() == [2.0] * 6


@pytest.mark.parametrize("rank", [1, 3, 5, 64])
@pytest.mark.parametrize("count", [5, 40])
def test_against_singular_vectors(rank: int, count: int) -> None:
    """An oracle in numpy; centred on the correct tokens' mean, which is far from 0 here."""
    right, wrong = (torch.randn(n, 24, dtype=torch.float64) + torch.arange(24) / 8 for n in (count, 30))

    def normed(x: Tensor) -> np.ndarray:
        y = x.numpy()
        return (y - y.mean(1, keepdims=True)) / np.sqrt(y.var(1, keepdims=True) + 1e-5)

    centre = normed(right).mean(0)
    basis = np.linalg.svd(normed(right) - centre, full_matrices=False)[2][: min(rank, count - 1)]
    away = normed(wrong) - centre
    distance = ((away - away @ basis.T @ basis) ** 2).mean(1)
    torch.testing.assert_close(ResRl(rank).distances(right, wrong), torch.from_numpy(distance), atol=1e-11, rtol=0)
    if distance.max() > 1e-3:
        low, high = np.quantile(distance, [0.2, 0.8])
        factor = 0.1 + 0.9 * np.clip((distance - low) / (high - low), 0, 1)
        weights = ResRl(rank)(group_of(right, wrong))[1, :30]
        torch.testing.assert_close(weights, torch.from_numpy(-3 * factor), atol=1e-9, rtol=0)


def test_directions_without_variance_do_not_count() -> None:
    """Answers share their first state: copies add no direction, where filling up would take arbitrary ones."""
    right = torch.cat([RIGHT] * 4)  # 24 tokens, two directions
    torch.testing.assert_close(ResRl().distances(right, WRONG), ResRl(rank=2).distances(RIGHT, WRONG))
    same = pair(0, 1).expand(5, 8)  # no direction at all: the distance from one point
    found = ResRl().distances(same, WRONG)
    torch.testing.assert_close(found, torch.tensor([0.0, 2, 0.585786, 2, 2], dtype=torch.float64), atol=1e-4, rtol=0)


def test_too_few_correct_tokens_leave_the_penalty_whole() -> None:
    weights = ResRl()(group_of(RIGHT[:3], WRONG))
    assert weights[1].tolist() == [-3.0] * 5
    assert weights[0].tolist() == [pytest.approx(0.2)] * 3 + [0, 0]


def test_equal_distances_get_the_middle() -> None:
    assert ResRl().factors(RIGHT, WRONG[:2]).tolist() == [0.55, 0.55]
    full = torch.cat([E - 0.1, -E])  # spans all that layer norm leaves: nothing is outside
    assert ResRl(floor=0.0).factors(full, WRONG).tolist() == [0.5] * 5


def test_scale_and_shift_of_a_state_do_not_matter() -> None:
    moved = 7 * WRONG + 3
    torch.testing.assert_close(ResRl().factors(RIGHT, moved), ResRl().factors(RIGHT, WRONG), atol=1e-4, rtol=0)


def test_half_precision_states_and_single_precision_advantages() -> None:
    group = group_of(RIGHT, WRONG)
    assert group.hidden is not None
    low = replace(group, hidden=group.hidden.bfloat16(), advantages=group.advantages.float())
    weights = ResRl()(low)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights.double(), ResRl()(group), atol=1e-3, rtol=0)


def test_states_that_are_not_finite_are_refused() -> None:
    broken = WRONG.clone()
    broken[1, 1] = math.inf
    with pytest.raises(InputValueError, match="infinite hidden states"):
        ResRl()(group_of(RIGHT, broken))


@pytest.mark.parametrize(
    "spec", ["rank=0", "rank=1.5", "rank=true", "floor=1.1", "positive_weight=-1", "low=0.8", "high=2", "low=.nan"]
)
def test_options_out_of_range_are_refused(spec: str) -> None:
    with pytest.raises(InputValueError, match=spec.partition("=")[0]):
        CREDIT.make(f"resrl({spec})")
