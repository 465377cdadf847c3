"""Figures of the arms seed by seed, after the last step and at equal accuracy, and what they say of a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antigrad.core.significance import LEAST, LEVEL, holm, t_test

Rows = Sequence[Mapping[str, Any]]
"""One training: a row a checkpoint, the untrained policy first."""
Column = list[float | None]
"""One number a seed; None where a seed has none."""
ACCURACIES = ("greedy", "sampled")


@dataclass(frozen=True)
class Found:
    """What was kept of one model.

    Args:
        result: The kept result.
    """

    result: Mapping[str, Any]

    @property
    def arms(self) -> list[str]:
        """Names of the arms, plain DPO first."""
        return list(self.result["rows"])

    @property
    def sampled(self) -> bool:
        """Whether responses were sampled in evaluations."""
        return "sampled" in self.result["rows"][self.arms[0]][0][0]

    def column(self, arm: str, figure: str, gain: float | None = None) -> Column:
        """One number a seed: an accuracy as it is, other figures as changes since the start.

        Args:
            arm: The arm.
            figure: Of `measure.figures`, or `gap`: chosen minus rejected.
            gain: Where sampled accuracy had first risen by it, between evaluations; None for the last step.

        Returns:
            The numbers.
        """
        return [self._one(rows, figure, gain) for rows in self.result["rows"][arm]]

    def _one(self, rows: Rows, figure: str, gain: float | None) -> float | None:
        values = [_value(row, figure) for row in rows]
        if any(math.isnan(value) for value in values) or (gain is not None and "sampled" not in rows[0]):
            return None
        end = values[-1]
        if gain is not None:
            if any("sampled" not in row for row in rows):
                return None
            accuracy = [row["sampled"] for row in rows]
            end = crossing(accuracy, values, accuracy[0] + gain)
        return end if end is None or figure in (*ACCURACIES, "step") else end - values[0]

    def best(self, arm: str) -> Column:
        """Highest sampled accuracy after the start, seed by seed, wherever it was.

        Args:
            arm: The arm.

        Returns:
            The numbers; None where none was sampled.
        """
        found = [[row["sampled"] for row in rows[1:] if "sampled" in row] for rows in self.result["rows"][arm]]
        return [max(one) if one else None for one in found]

    def paired(self, arm: str, other: str, figure: str, gain: float | None = None) -> list[float]:
        """Differences of two arms, seed by seed, over the seeds that both have.

        Args:
            arm: The first.
            other: What is subtracted.
            figure: As of `column`.
            gain: Likewise.

        Returns:
            The differences.
        """
        both = zip(self.column(arm, figure, gain), self.column(other, figure, gain), strict=True)
        return [one - two for one, two in both if one is not None and two is not None]


def _value(row: Mapping[str, Any], figure: str) -> float:
    return row["chosen"] - row["rejected"] if figure == "gap" else row.get(figure, math.nan)


def crossing(accuracy: Sequence[float], values: Sequence[float], level: float) -> float | None:
    """Read a figure where accuracy first reaches a level, on the line between two evaluations.

    Args:
        accuracy: One an evaluation.
        values: The figure.
        level: The accuracy.

    Returns:
        The figure; None where the level is not reached, or was there from the start.

    Example:
        >>> crossing([0.5, 0.5, 0.6], [0.0, 1.0, 3.0], 0.55)
        2.0
    """
    if accuracy[0] >= level:
        return None
    place = next((place for place, one in enumerate(accuracy) if one >= level), None)
    if place is None:
        return None
    low, high = accuracy[place - 1], accuracy[place]
    share = (level - low) / (high - low)
    return round(values[place - 1] + share * (values[place] - values[place - 1]), 12)


def mean_and_error(values: Sequence[float | None]) -> tuple[float, float | None] | None:
    """Mean and standard error over the seeds that have a number.

    Args:
        values: One a seed.

    Returns:
        Both; no error for one seed; None for none.
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    mean = sum(known) / len(known)
    if len(known) == 1:
        return mean, None
    return mean, math.sqrt(sum((one - mean) ** 2 for one in known) / (len(known) - 1) / len(known))


@dataclass(frozen=True)
class Sentence:
    """A sentence as a difference with a sign.

    Args:
        source: Whose it is.
        text: What it says.
        arm: The arm it is about.
        other: The arm it is compared with; empty for a change since the start.
        figure: As of `Found.column`; `a>b` for the change of one figure minus that of another.
        sign: 1 if it says that the difference is above zero.
        gain: Rise of sampled accuracy at which arms are compared; None for the last step.
    """

    source: str
    text: str
    arm: str
    other: str
    figure: str
    sign: int
    gain: float | None = None

    def differences(self, found: Found) -> list[float]:
        """Take its differences, seed by seed.

        Args:
            found: The figures.

        Returns:
            One a seed that has it; none where an arm was not run.
        """
        if not {self.arm, self.other or self.arm} <= set(found.arms):
            return []
        # Where no responses were sampled, accuracy is that of greedy answers.
        figure = "greedy" if self.figure == "sampled" and not found.sampled else self.figure
        if self.other:
            return found.paired(self.arm, self.other, figure, self.gain)
        if ">" in self.figure:
            first, second = (found.column(self.arm, name, self.gain) for name in self.figure.split(">"))
            return [one - two for one, two in zip(first, second, strict=True) if one is not None and two is not None]
        return [one for one in found.column(self.arm, self.figure, self.gain) if one is not None]


def verdicts(sentences: Sequence[Sentence], found: Found) -> list[tuple[list[float], float, str]]:
    """Judge sentences together: beyond chance by Student's t over the seeds, with Holm's correction, or open.

    Args:
        sentences: All that share the level.
        found: The figures.

    Returns:
        Differences, p of the sentence alone (NaN of too few seeds), and `agrees`, `contradicts`, `open` or `–`.
    """
    values = [sentence.differences(found) for sentence in sentences]
    alone = {str(place): t_test(some) for place, some in enumerate(values) if len(some) >= LEAST}
    adjusted = holm(alone)
    rows: list[tuple[list[float], float, str]] = []
    for place, (sentence, some) in enumerate(zip(sentences, values, strict=True)):
        if str(place) not in alone:
            rows.append((some, math.nan, "open" if some else "–"))
            continue
        clear = adjusted[str(place)] <= LEVEL
        word = "open" if not clear else "agrees" if sum(some) * sentence.sign > 0 else "contradicts"
        rows.append((some, alone[str(place)], word))
    return rows
