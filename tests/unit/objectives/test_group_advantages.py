"""Group-relative advantages."""

import math

import pytest
import torch

from antigrad.core import InputTypeError, InputValueError
from antigrad.objectives import group_advantages


def test_population_advantages_are_those_of_the_lemma() -> None:
    p = 0.25
    found = group_advantages(torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64), scale="population")
    up, down = (1 - p) / math.sqrt(p * (1 - p)), p / math.sqrt(p * (1 - p))
    assert found.tolist() == pytest.approx([up, -down, -down, -down], abs=1e-14)


def test_sample_advantages_have_bessel_and_the_small_constant() -> None:
    rewards = torch.tensor([1.0, 0.5, 0.0, 0.25], dtype=torch.float64)
    mean = 1.75 / 4
    deviation = math.sqrt(sum((r - mean) ** 2 for r in rewards.tolist()) / 3)
    wanted = [(r - mean) / (deviation + 1e-4) for r in rewards.tolist()]
    assert group_advantages(rewards).tolist() == pytest.approx(wanted, abs=1e-14)


def test_sample_is_smaller_by_the_known_ratio() -> None:
    rewards = torch.tensor([1.0] * 4 + [0.0] * 4, dtype=torch.float64)
    ratio = group_advantages(rewards)[0] / group_advantages(rewards, scale="population")[0]
    assert float(ratio) == pytest.approx(math.sqrt(7 / 8), abs=3e-4)


def test_unscaled() -> None:
    assert group_advantages(torch.tensor([1.0, 0.0, 0.0, 0.0]), scale="none").tolist() == [0.75, -0.25, -0.25, -0.25]


@pytest.mark.parametrize("scale", ["sample", "population", "none"])
@pytest.mark.parametrize("reward", [0.0, 1.0, 0.1, 0.7, 1e-3, -12345.678])
@pytest.mark.parametrize("size", [2, 3, 7, 11])
def test_equal_rewards_give_exact_zeros(scale: str, reward: float, size: int) -> None:
    """The rounded mean of equal numbers may differ from them; a plain deviation would blow that up to one."""
    found = group_advantages(torch.full((size,), reward), scale=scale)  # type: ignore[arg-type]
    assert found.tolist() == [0.0] * size


@pytest.mark.parametrize("rewards", [torch.zeros(2, 2), torch.tensor(1.0), torch.tensor([1, 0])])
def test_what_is_no_vector_of_numbers_is_refused(rewards: torch.Tensor) -> None:
    with pytest.raises(InputTypeError, match="floating-point vector"):
        group_advantages(rewards)


@pytest.mark.parametrize("rewards", [[1.0], [], [1.0, math.nan], [1.0, math.inf]])
def test_values_are_checked(rewards: list[float]) -> None:
    with pytest.raises(InputValueError, match="at least two finite rewards"):
        group_advantages(torch.tensor(rewards))
    with pytest.raises(InputValueError, match="scale 'std'"):
        group_advantages(torch.ones(2), scale="std")  # type: ignore[arg-type]
