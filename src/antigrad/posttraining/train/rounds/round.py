"""What is drawn in a round, and the file that keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from antigrad.core.errors import InputValueError
from antigrad.core.lines import read_lines, write_lines
from antigrad.posttraining.pairs.generate import Count

Row = dict[str, Any]


@dataclass(frozen=True)
class Round:
    """Rows to train on, and figures of the answers that they were made of.

    Args:
        rows: Rows for TRL.
        figures: What the ledger keeps.
    """

    rows: list[Row]
    figures: dict[str, Any] = field(default_factory=dict[str, Any])


def figures_of(train: Sequence[Count], test: Sequence[Count]) -> dict[str, Any]:
    """Sum up what became of the questions of a round.

    Args:
        train: Questions that rows are made of.
        test: Questions that are never trained on.

    Returns:
        Questions, answers, accuracy (mean over questions), how many questions had correct answers only or wrong ones
        only, and the accuracy on the held-out questions, where there are any.
    """
    figures: dict[str, Any] = {
        "questions": len(train),
        "answers": sum(one.answers for one in train),
        "zero_variance": sum(one.zero_variance for one in train),
    }
    for name, counts in (("accuracy", train), ("held_out_accuracy", test)):
        if counts:
            figures[name] = sum(one.correct / one.answers for one in counts) / len(counts)
    return figures


class Kept:
    """The files of the rounds of a run: what was drawn once is never drawn again.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, number: int) -> Round | None:
        """Read a round back.

        Args:
            number: Of the round.

        Returns:
            The round; None if it was not drawn yet.

        Raises:
            InputValueError: The file is damaged.
        """
        path = self._path(number)
        if not path.exists():
            return None
        lines = read_lines(path)
        if len(lines) < 2:
            raise InputValueError(f"{path}: {len(lines)} lines", "figures and rows of a round", "remove it")
        return Round(lines[1:], lines[0])

    def write(self, number: int, drawn: Round) -> None:
        """Write a round, whole or not at all.

        Args:
            number: Of the round.
            drawn: The round.
        """
        write_lines(self._path(number), (drawn.figures, *drawn.rows))

    def forget_after(self, number: int) -> None:
        """Remove rounds that will be drawn again, by the weights that the run resumes from.

        Args:
            number: The last round that stays.
        """
        for path in self._folder.glob("round-*.jsonl"):
            if path.stem.removeprefix("round-").isdigit() and int(path.stem.removeprefix("round-")) > number:
                path.unlink()

    def _path(self, number: int) -> Path:
        return self._folder / f"round-{number:05d}.jsonl"
