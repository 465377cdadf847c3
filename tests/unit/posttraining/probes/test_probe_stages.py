"""Stage measures from rollouts, at the numbers the three-action model has in closed form."""

import math

import pytest

from antigrad.core import InputValueError
from antigrad.posttraining.probes.stages import boundary, mode_of, positive_mass, rarest

HIGH, RARE, LOW = (0.8, "high"), (1.0, "rare"), (0.0, "low")
WITH_RARE, WITH_LOW = [HIGH] * 7 + [RARE], [HIGH] * 7 + [LOW]


def explored_share(groups: list[list[tuple[float, str]]], scale: str) -> float:
    masses = [
        positive_mass([r for r, _ in group], [name for _, name in group], "high", scale)  # type: ignore[arg-type]
        for group in groups
    ]
    return sum(rare for rare, _ in masses) / sum(whole for _, whole in masses)


@pytest.mark.parametrize(
    ("rare", "low", "deviation", "none"),
    [(1, 1, 0.5, 0.2), (3, 1, 0.75, 0.4286), (1, 4, 0.2, 0.0588)],
)
def test_share_in_the_rare_limit(rare: int, low: int, deviation: float, none: float) -> None:
    groups = [WITH_RARE] * rare + [WITH_LOW] * low
    assert explored_share(groups, "population") == pytest.approx(deviation, abs=1e-4)
    assert explored_share(groups, "none") == pytest.approx(none, abs=1e-4)


def test_groups_without_contrast_add_nothing() -> None:
    assert positive_mass([1.0] * 4, "aabb", "a") == (0.0, 0.0)
    assert positive_mass([0.0] * 4, "aabb", "a") == (0.0, 0.0)
    assert positive_mass([1.0], "a", "a") == (0.0, 0.0)


def test_what_is_pushed_down_does_not_count_and_a_wrong_mode_leaves_all_to_the_rest() -> None:
    assert positive_mass([1.0, 1.0, 0.0, 0.0], "aabb", "a")[0] == 0
    rare, whole = positive_mass([1.0, 1.0, 0.0, 0.0], "aabb", "b")
    assert rare == whole == pytest.approx(2.0)


def test_the_mode_is_sampled_most_and_a_tie_goes_to_the_likelier() -> None:
    assert mode_of("abb", [-1.0, -9.0, -9.0]) == "b"
    assert mode_of("aabb", [-9.0, -9.0, -1.0, -1.0]) == "b"
    assert mode_of("bbaa", [-9.0, -9.0, -1.0, -1.0]) == "a"


def test_rare_are_the_least_likely_and_never_the_likeliest() -> None:
    log_probs = [-2.0, -7.0, -1.0, -4.0]
    assert rarest(log_probs, 8) == [1, 3, 0]
    assert rarest(log_probs, 1) == [1]
    assert rarest(log_probs, 0) == rarest([-3.0], 5) == rarest([], 5) == []


@pytest.mark.parametrize(
    ("before", "after", "k", "expected"),
    [
        (0.01, 0.3, 4, "expansion"),
        (0.3, 0.4, 4, "expansion"),
        (0.3, 0.01, 4, "shrinkage"),
        (0.4, 0.3, 4, "neither"),
        (0.01, 0.2, 4, "neither"),
        (0.2, 0.01, 4, "neither"),
        (0.01, 0.2, 5, "expansion"),
        (0.3, 0.3, 4, "neither"),
    ],
)
def test_boundary(before: float, after: float, k: int, expected: str) -> None:
    assert boundary(math.log(before), math.log(after), k) == expected


def test_no_budget_is_refused() -> None:
    with pytest.raises(InputValueError, match="k=0"):
        boundary(-1.0, -1.0, 0)
