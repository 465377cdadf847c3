"""What the page says first: the verdict, and what to do, from rows made by hand."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")

from antigrad.unlearning.unlearn.findings import Judgement, gap_of, verdict_of


def row(value: float, retrain: float | None, original: float, half: float = 0.01, **more: Any) -> dict[str, Any]:
    ends = {
        f"{key}_{end}": None if one is None else one + sign * half
        for key, one in (("value", value), ("retrain", retrain), ("original", original))
        for end, sign in (("low", -1), ("high", 1))
    }
    return {"name": "figure", "title": "attack: figure", "value": value, "retrain": retrain, "original": original, **ends, **more}  # fmt: skip  # noqa: E501


def judged(
    forget: float = 0.0, kept: float = 0.97, attack: float = 0.5, steps: float = 20, retrain: float | None = 0.0
) -> Judgement:
    again = None if retrain is None else 0.97
    return Judgement(
        gap_of(row(forget, retrain, 1.0)),
        gap_of(row(kept, again, 0.975)),
        [gap_of(row(attack, None if retrain is None else 0.5, 0.9), small=0.0)],
        None,
        gap_of(row(steps, None if retrain is None else 20.0, 0.0), small=0.0),
    )


@pytest.mark.parametrize(
    ("given", "head", "advice"),
    [
        ({}, "Yes: indistinguishable from retraining", "Keep the receipt"),
        ({"forget": 0.6}, "No: 60.0% of the 109", "more epochs"),
        ({"forget": 0.6, "kept": 0.5}, "No: 60.0%", "more epochs"),
        ({"kept": 0.5}, "Yes, but the rest was harmed: test accuracy on what is retained is 50.0%", "retain part"),
        ({"forget": 0.5, "retrain": 0.9}, "Yes, and more than retraining forgets: 50.0%", "fewer epochs"),
        ({"steps": 2}, "By its accuracy, but not gone: 2 steps", "retrain"),
        ({"attack": 0.8}, "By its accuracy, but 1 of 1 attacks", "See which"),
        ({"attack": 0.2}, "By its accuracy, but 1 of 1 attacks", "See which"),
        ({"retrain": None}, "Unknown: there is no retrained model", "--reference true"),
    ],
)
def test_the_verdict_comes_first_and_says_what_to_do(given: dict[str, Any], head: str, advice: str) -> None:
    said = verdict_of(judged(**given), "duck", 109)
    assert said.answer.startswith(head), said
    assert advice in said.advice
    assert "duck: accuracy on the 109 forgotten samples" in said.sure
    assert said.tone == ("good" if not given else "neutral" if "--reference" in advice else "bad")


def test_what_stays_better_than_after_retraining_is_no_harm() -> None:
    found = judged(kept=1.0)
    assert found.kept.beyond and not found.harmed
    assert verdict_of(found, "duck", 109).answer.startswith("Yes: indistinguishable from retraining")


def test_a_stopped_run_says_so_and_what_to_do() -> None:
    found = judged()
    said = verdict_of(Judgement(found.forgotten, found.kept, [], "main, epoch 1: the loss is nan"), "neg_grad", 109)
    assert said.answer.startswith("neg_grad was stopped") and "learning_rate" in said.advice
