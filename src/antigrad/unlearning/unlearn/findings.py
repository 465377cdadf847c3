"""What the rows of an unlearning add up to: is it forgotten, what did it cost, can an attacker still tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antigrad.attacks.interval import Estimate
from antigrad.core.page import Verdict
from antigrad.core.runs import RunFolder
from antigrad.unlearning.unlearn.rows import last, metrics_of

QUESTION = "Is it forgotten?"
CLOSE = 0.02
"""Differences of accuracy up to two points are not called one."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Gap:
    """A figure beside that of retraining.

    Args:
        row: Its row.
        difference: Unlearned minus retrained, with its interval; None without a reference.
        beyond: Whether the difference is beyond chance, and not small.
    """

    row: Row
    difference: Estimate | None
    beyond: bool


@dataclass(frozen=True)
class Judgement:
    """What can be said of a deletion.

    Args:
        forgotten: Gap of the accuracy on forgotten samples.
        kept: Gap of the accuracy on test samples of what stays.
        attacks: Gaps of all attacks.
        stopped: Why a guard stopped it; None if none did.
        back: Gap of the steps until forgotten samples are back; None where that was not measured.
    """

    forgotten: Gap
    kept: Gap
    attacks: Sequence[Gap]
    stopped: str | None
    back: Gap | None = None

    @property
    def tell(self) -> list[Gap]:
        """Attacks that find another figure than on the retrained model."""
        return [gap for gap in self.attacks if gap.beyond]

    @property
    def soon(self) -> bool:
        """Whether forgotten samples come back in less than half the steps that a retrained model needs."""
        row = self.back.row if self.back is not None and self.back.difference is not None else None
        return row is not None and row["value"] < row["retrain"] / 2

    @property
    def harmed(self) -> bool:
        """Whether what stays is worse than after retraining."""
        return self.kept.beyond and self.kept.row["value"] < self.kept.row["retrain"]


def judge(run: RunFolder, place: int) -> Judgement | None:
    """Judge a deletion by its rows.

    Args:
        run: The run.
        place: Number of the deletion.

    Returns:
        The verdict; None where the accuracies were not measured.
    """
    rows = metrics_of(run, place)
    kept = next((rows[name] for name in ("accuracy(on=test_retained)", "accuracy(on=test)") if name in rows), None)
    if kept is None or "accuracy(on=forget)" not in rows:
        return None
    attacks = [gap_of(row, small=0.0) for row in rows.values() if row.get("attack")]
    row = last(run, "unlearned", deletion=place) or {}
    back = gap_of(rows["relearning"], small=0.0) if "relearning" in rows else None
    return Judgement(gap_of(rows["accuracy(on=forget)"]), gap_of(kept), attacks, row.get("stopped"), back)


def gap_of(row: Row, small: float = CLOSE) -> Gap:
    """Set a figure beside that of retraining.

    Args:
        row: Of a metric.
        small: A difference up to this is not called one.

    Returns:
        The gap.
    """
    if row.get("retrain") is None:
        return Gap(row, None, False)
    value, again = _estimate(row, "value"), _estimate(row, "retrain")
    difference = value.gap(again)
    return Gap(row, difference, not difference.contains(0.0) and abs(difference.value) > small)


def _estimate(row: Row, key: str) -> Estimate:
    middle = float(row[key])
    low, high = row.get(f"{key}_low"), row.get(f"{key}_high")
    return Estimate(middle, middle if low is None else low, middle if high is None else high)


def verdict_of(found: Judgement | None, method: str, count: int) -> Verdict:
    """Say it: is it forgotten, the figures, what to do.

    Args:
        found: The judgement.
        method: As it was asked for.
        count: Samples forgotten.

    Returns:
        What the page and the model's card begin with.
    """
    if found is None:
        answer = f"{method}: {count} samples were to be forgotten; no accuracy was measured."
        return Verdict(QUESTION, answer, "", "Ask for them: --metrics accuracy(on=forget),accuracy(on=test).")
    if found.stopped is not None:
        answer = f"{method} was stopped: {found.stopped}. The model is the last good state, not an unlearned one."
        advice = "Lower the learning_rate, or take a method that is bounded, such as duck or npo."
        return Verdict(QUESTION, answer, "", advice, tone="bad")
    figures = _figures(found, method, count)
    if found.forgotten.difference is None:
        answer = "Unknown: there is no retrained model to compare with."
        return Verdict(QUESTION, answer, figures, "Run it with --reference true.")
    answer, advice, good = _judged(found, count)
    return Verdict(QUESTION, answer, figures, advice, tone="good" if good else "bad")


def _judged(found: Judgement, count: int) -> tuple[str, str, bool]:
    # The answer, what to do, whether to be glad.
    row, kept = found.forgotten.row, found.kept.row
    if found.forgotten.beyond and row["value"] > row["retrain"]:
        return (
            f"No: {_percent(row['value'])} of the {count} samples are still classified correctly, "
            f"{_percent(row['retrain'])} after retraining.",
            "Try more epochs, a larger learning_rate, or another method: `antigrad unlearn compare` runs them all.",
            False,
        )
    if found.harmed:
        return (
            f"Yes, but the rest was harmed: test accuracy on what is retained is {_percent(kept['value'])}, "
            f"{_percent(kept['retrain'])} after retraining.",
            "Try a smaller learning_rate, or a method with a retain part, such as duck or npo.",
            False,
        )
    if found.forgotten.beyond:
        return (
            f"Yes, and more than retraining forgets: {_percent(row['value'])} of the {count} samples are classified "
            f"correctly, {_percent(row['retrain'])} after retraining. A model that never saw them differs.",
            "Try fewer epochs, or stop=true.",
            False,
        )
    if found.soon and found.back is not None:
        back = found.back.row
        return (
            f"By its accuracy, but not gone: {back['value']:.0f} steps of fine-tuning on a few of the "
            f"samples bring the others back, where a retrained model needs {back['retrain']:.0f}.",
            "If it must be gone, retrain; `antigrad unlearn compare` shows after which methods they come back as late.",
            False,
        )
    if found.tell:
        return (
            f"By its accuracy, but {len(found.tell)} of {len(found.attacks)} attacks find something else "
            "than on the retrained model (at 95% each, one of twenty does so by chance).",
            "See which below; if an attacker must not tell, retrain or try another method.",
            False,
        )
    answer = "Yes: indistinguishable from retraining by all of these figures."
    return answer, "Keep the receipt with the model.", True


def _figures(found: Judgement, method: str, count: int) -> str:
    row, kept = found.forgotten.row, found.kept.row
    compared = found.forgotten.difference is not None

    def beside(one: Row) -> str:
        again = f"{_percent(one['retrain'])} after retraining, " if compared else ""
        return f"{_percent(one['value'])} ({again}{_percent(one['original'])} before)"

    text = f"{method}: accuracy on the {count} forgotten samples {beside(row)}, on retained test samples "
    text += beside(kept)
    if compared and found.attacks:
        apart = len(found.tell) or "none"
        text += f"; {apart} of {len(found.attacks)} attacks find more or less than on the retrained model"
    return f"{text}."


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def summary_of(run: RunFolder, place: int) -> dict[str, Any]:
    """Headline figures.

    Args:
        run: The run.
        place: Number of the last deletion.

    Returns:
        `METRIC`, and with `/retrain` and `/original` the same of those models.
    """
    row = last(run, "unlearned", deletion=place) or {}
    found: dict[str, Any] = {"deletions": place + 1, "stopped": row.get("stopped"), "sha256": row.get("sha256")}
    for name, one in metrics_of(run, place).items():
        found |= {name: one["value"], f"{name}/retrain": one["retrain"], f"{name}/original": one["original"]}
    judged = judge(run, place)
    if judged is not None:
        found |= {"attacks": len(judged.attacks), "attacks that tell": len(judged.tell)}
    return found
