"""What the page of a training says of its rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Chart, Column, Format, Table
from antigrad.posttraining.train.charts import even, line

Row = Mapping[str, Any]
LABELS: dict[str, tuple[str, Format, str]] = {
    "questions": ("questions", "integer", "whose answers are trained on"),
    "answers": ("answers", "integer", "sampled"),
    "accuracy": ("accuracy", "percent", "mean over questions of the share of correct answers"),
    "zero_variance": ("zero variance", "integer", "questions with correct answers only, or wrong ones only"),
    "pairs": ("pairs", "integer", "of a correct and a wrong answer"),
    "rows": ("answers kept", "integer", "answers that are trained on"),
    "correct_weight": ("correct", "percent", "share of the weight that is on correct answers"),
    "excluded": ("left out", "integer", "pairs that are repeated or too long"),
    "reused": ("reused", "text", "no answers to train on: the round before served once more"),
    "held_out_accuracy": ("held out", "percent", "accuracy on questions that are never trained on"),
}


def accuracy_chart(points: Sequence[Row]) -> Chart:
    """Accuracy of the policy's answers as each round begins, and at the end.

    Args:
        points: Rows of rounds, and of the end.

    Returns:
        The chart.
    """
    names = {"accuracy": "training questions", "held_out_accuracy": "held-out questions"}
    data = [line(names[key], points, key, "lines+markers") for key in names if any(key in row for row in points)]
    layout = {
        "xaxis": {"title": {"text": "step"}},
        "yaxis": {"title": {"text": "share of answers that are correct"}, "tickformat": ".0%"},
    }
    return Chart("Accuracy", {"data": data, "layout": layout}, "Of the answers that the policy sampled at that step.")


def rounds_table(rounds: Sequence[Row], most: int) -> Table:
    """One row per round.

    Args:
        rounds: Their rows of the ledger.
        most: Rows to show.

    Returns:
        The table.
    """
    known = [key for key in LABELS if any(key in row for row in rounds)]
    columns = [Column("round", "round", "integer"), Column("step", "from step", "integer")]
    columns += [Column(key, *LABELS[key]) for key in known]
    names = ("round", "step", *known)
    some, text = even(rounds, most, "rounds")
    rows = [{name: row.get(name) for name in names} for row in some]
    return Table("Rounds", columns, [row | ({"reused": "yes"} if row.get("reused") else {}) for row in rows], text)


def accuracies(points: Sequence[Row]) -> dict[str, Any]:
    """Headline figures of rounds.

    Args:
        points: Rows of rounds, and of the end; none where there are no rounds.

    Returns:
        Accuracy before and after, on training and on held-out questions, as far as they were asked.
    """
    return (
        {
            f"{name}_{when}": row[name]
            for name in ("accuracy", "held_out_accuracy")
            for when, row in (("before", points[0]), ("after", points[-1]))
            if name in row
        }
        if points
        else {}
    )
