"""What the pages of all trainings have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Column, Table

Row = Mapping[str, Any]


def line(name: str, rows: Sequence[Row], key: str, mode: str = "lines") -> dict[str, Any]:
    """A line of a chart, over the steps of rows that have a figure.

    Args:
        name: In the legend.
        rows: Rows of the ledger.
        key: The figure.
        mode: Plotly's.

    Returns:
        A trace.
    """
    seen = [row for row in rows if key in row]
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": [row["step"] for row in seen],
        "y": [row[key] for row in seen],
    }


def steps_table(train: Sequence[Row], labels: Mapping[str, tuple[str, str]]) -> Table:
    """One row a logged step.

    Args:
        train: Rows of the ledger.
        labels: Heading and meaning of each figure, in the order of the columns; those that no row has are left out.

    Returns:
        The table.
    """
    known = [key for key in labels if any(key in row for row in train)]
    columns = [Column("step", "step", "integer")]
    columns += [Column(key, labels[key][0], "number", labels[key][1]) for key in known]
    return Table("Steps", columns, [{"step": row["step"]} | {key: row.get(key) for key in known} for row in train])


def alarms_table(rows: Sequence[Row]) -> list[Table]:
    """What was raised, if anything was.

    Args:
        rows: Rows of alarms.

    Returns:
        A table, or none.
    """
    columns = [Column("step", "step", "integer"), Column("text", "what")]
    return [Table("Alarms", columns, [{"step": row["step"], "text": row["text"]} for row in rows])] if rows else []
