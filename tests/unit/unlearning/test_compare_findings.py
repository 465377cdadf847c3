"""What a comparison says first: who is as near to retraining as retraining itself, and what to do."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")

from antigrad.attacks.interval import Estimate
from antigrad.unlearning.compare.findings import as_near, back_soon, judged


def around(**values: tuple[float, float]) -> dict[str, Estimate]:
    found = {name.replace("_", " "): Estimate(one, one - half, one + half) for name, (one, half) in values.items()}
    return dict(sorted(found.items(), key=lambda pair: pair[1].value))


TWINS = {"retrain": (0.002, 0.001), "retrain_again": (0.002, 0.001)}
GAPS = around(**TWINS, original=(0.5, 0.001), duck=(0.003, 0.002), npo=(0.002, 0.001), scrub=(0.2, 0.01))


def test_near_is_what_may_be_no_further_than_a_second_retraining_and_is_not_far() -> None:
    assert as_near(GAPS) == ["npo", "duck"]
    assert as_near(around(**TWINS, duck=(0.3, 0.4))) == []  # Few seeds: 0 is within, and nothing is known.
    assert as_near(around(**TWINS, duck=(0.3, math.inf))) == []
    assert as_near(around(**TWINS, duck=(0.006, 0.001))) == []  # Small, and beyond.
    assert as_near(around(retrain=(0.0, 0.0), duck=(0.0, 0.0))) == []  # No second retraining to be as near as.


@pytest.mark.parametrize(
    ("gaps", "seeds", "head", "advice"),
    [
        (GAPS, 5, "As near to retraining as a second retraining: npo, duck.", "Use duck, the fastest"),
        (
            around(**TWINS, duck=(0.2, 0.01)),
            5,
            "No method comes as near as a second retraining; nearest: duck",
            "--search",
        ),
        (around(**TWINS, duck=(0.2, math.inf)), 1, "Nearest to retraining: duck", "--seeds 5"),
        (around(retrain=(0.0, 0.0), duck=(0.2, 0.01)), 5, "Nearest to retraining: duck", "--twin true"),
    ],
)
def test_the_verdict_comes_first_and_says_what_to_do(
    gaps: dict[str, Estimate], seeds: int, head: str, advice: str
) -> None:
    answer, todo = judged(gaps, around(duck=(0.1, 0.01), npo=(0.4, 0.01)), seeds)
    assert answer.startswith(head) and advice in todo


def test_what_comes_back_soon_is_said_of_those_that_are_near() -> None:
    steps = around(retrain=(20.0, 1.0), duck=(2.0, 0.1), npo=(19.0, 1.0), scrub=(0.0, 0.0))
    assert back_soon(GAPS, steps).endswith("are back: duck 2; after retraining 20.")
    assert back_soon(GAPS, around(retrain=(20.0, 1.0), duck=(11.0, 1.0), npo=(19.0, 1.0))) == ""
    assert back_soon(GAPS, {}) == ""
