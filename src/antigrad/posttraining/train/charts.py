"""What the pages of all trainings have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from antigrad.core.page import Column, Table
from antigrad.core.page_bounds import more, spaced

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
    x, y = list[Any](), list[Any]()
    for row in rows:
        if key in row:
            x.append(row["step"])
            y.append(row[key])
    return {"type": "scatter", "mode": mode, "name": name, "x": x, "y": y}


def even(rows: Sequence[Row], most: int, what: str) -> tuple[list[Row], str]:
    """Rows of a table that is too long for a page.

    Args:
        rows: All of them.
        most: How many to show.
        what: They are, in the plural.

    Returns:
        Some at even distances, the first and the last among them; and what to say of the others.

    Example:
        >>> even([{"step": n} for n in range(1, 6)], 3, "steps")[0]
        [{'step': 1}, {'step': 3}, {'step': 5}]
    """
    shown = spaced(rows, most)
    if len(shown) == len(rows):
        return shown, ""
    return shown, f"{what.capitalize()} at even distances, the last among them.{more(len(rows), len(shown), what)}"


def steps_table(train: Sequence[Row], labels: Mapping[str, tuple[str, str]], most: int) -> Table:
    """One row a logged step.

    Args:
        train: Rows of the ledger.
        labels: Heading and meaning of each figure, in the order of the columns; those that no row has are left out.
        most: Rows to show.

    Returns:
        The table.
    """
    known = [key for key in labels if any(key in row for row in train)]
    columns = [Column("step", "step", "integer")]
    columns += [Column(key, labels[key][0], "number", labels[key][1], place > 7) for place, key in enumerate(known)]
    some, text = even(train, most, "steps")
    rows = [{"step": row["step"]} | {key: row.get(key) for key in known} for row in some]
    return Table("Steps", columns, rows, text)


def alarms_table(rows: Iterable[Row]) -> list[Table]:
    """What was raised, if anything was.

    Args:
        rows: Rows of alarms.

    Returns:
        A table, or none.
    """
    columns = [Column("step", "step", "integer"), Column("text", "what")]
    raised = [{"step": row["step"], "text": row["text"]} for row in rows]
    return [Table("Alarms", columns, raised)] if raised else []
