"""What the ledger of an unlearning keeps: `unlearned`, `reference`, `shadow`, `metric` and `certificate` rows."""

from __future__ import annotations

from typing import Any

from antigrad.core.runs import RunFolder
from antigrad.geometry.page import kept
from antigrad.unlearning.metrics.metric import Reading


def last(run: RunFolder, kind: str, **keys: Any) -> dict[str, Any] | None:
    """Find the last row of a kind.

    Args:
        run: The run.
        kind: Of the row.
        keys: Values that it must have.

    Returns:
        The row; None where there is none.
    """
    found: dict[str, Any] | None = None
    for row in run.ledger.stream(kind):
        if all(row.get(name) == value for name, value in keys.items()):
            found = row
    return found


def metric_row(place: int, reading: Reading) -> dict[str, Any]:
    """Make the row of a metric.

    Args:
        place: Number of the deletion.
        reading: The figure in its table.

    Returns:
        The row.
    """
    return {"kind": "metric", "deletion": place, **reading.row()}


def metrics_of(run: RunFolder, place: int) -> dict[str, dict[str, Any]]:
    """Gather the metrics of a deletion.

    Args:
        run: The run.
        place: Number of the deletion.

    Returns:
        Name and row.
    """
    return {row["name"]: row for row in run.ledger.rows("metric") if row["deletion"] == place}


def certificates_of(run: RunFolder, place: int) -> list[dict[str, Any]]:
    """Gather the certificates of a deletion.

    Args:
        run: The run.
        place: Number of the deletion.

    Returns:
        The rows as a page keeps them, of two of one step the later.
    """
    rows = (row for row in run.ledger.stream("certificate") if row.get("deletion") == place)
    latest = {row["step"]: row for row in kept(rows)}
    return [latest[step] for step in sorted(latest)]
