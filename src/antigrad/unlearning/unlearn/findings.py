"""What the rows of an unlearning add up to: is it forgotten, what did it cost, can an attacker still tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from antigrad.attacks.interval import Estimate
from antigrad.core.runs import RunFolder
from antigrad.unlearning.unlearn.rows import last, metrics_of

CLOSE = 0.02
"""Differences of accuracy up to two points are not called one."""
Tone = Literal["good", "bad", "neutral"]
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
class Verdict:
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
    def tone(self) -> Tone:
        """Whether a reader should be glad."""
        if self.stopped is not None or self.forgotten.beyond:
            return "bad"
        if self.forgotten.difference is None:
            return "neutral"
        return "good" if not (self.kept.beyond or self.tell or self.soon) else "neutral"


def verdict(run: RunFolder, place: int) -> Verdict | None:
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
    return Verdict(gap_of(rows["accuracy(on=forget)"]), gap_of(kept), attacks, row.get("stopped"), back)


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


def lead_of(found: Verdict | None, method: str, count: int) -> str:
    """Say it in a few sentences.

    Args:
        found: The verdict.
        method: As it was asked for.
        count: Samples forgotten.

    Returns:
        The lead of the page.
    """
    if found is None:
        return f"{method}: {count} samples were to be forgotten; accuracies were not measured."
    if found.stopped is not None:
        return f"{method} was stopped: {found.stopped}. The model is the last good state, not an unlearned one."
    row, kept = found.forgotten.row, found.kept.row
    before = f"{_percent(row['original'])} before"
    if found.forgotten.difference is None:
        return (
            f"{method}: accuracy on the {count} forgotten samples is {_percent(row['value'])} ({before}), on test "
            f"samples {_percent(kept['value'])} ({_percent(kept['original'])} before). Without a retrained model "
            "nobody can say whether that is forgetting."
        )
    compared = f"{_percent(row['retrain'])} after retraining, {before}"
    head = "Not forgotten" if found.forgotten.beyond and row["value"] > row["retrain"] else "Forgotten"
    if found.forgotten.beyond and row["value"] < row["retrain"]:
        head = "Forgotten more than retraining forgets"
    text = f"{head}: {method} leaves an accuracy of {_percent(row['value'])} on {count} samples ({compared}). "
    text += f"Test accuracy of what stays is {_percent(kept['value'])}, after retraining {_percent(kept['retrain'])}. "
    tell = found.tell
    if found.attacks and not tell:
        text += f"None of {len(found.attacks)} attacks finds more or less than on the retrained model."
    elif tell:
        text += f"{len(tell)} of {len(found.attacks)} attacks find something else than on the retrained model."
    if found.soon and found.back is not None:
        row = found.back.row
        text += f" But it is not gone: {row['value']:.0f} steps of fine-tuning on a few of them bring the others back, "
        text += f"where a retrained model needs {row['retrain']:.0f}."
    return text


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


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
    judged = verdict(run, place)
    if judged is not None:
        found |= {"attacks": len(judged.attacks), "attacks that tell": len(judged.tell)}
    return found
