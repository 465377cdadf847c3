"""What the ledger of a comparison keeps: `reference`, `search`, `outcome` and `left out` rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.compact import CompactRows
from antigrad.core.runs import RunFolder

Row = Mapping[str, Any]


def outcomes_of(run: RunFolder, split: int) -> dict[str, CompactRows]:
    """Gather the outcomes of a case.

    Args:
        run: The run.
        split: Number of the split.

    Returns:
        Method and its rows, one per seed, in the order of the seeds: seed, what stopped it, and its figures.
    """
    found: dict[str, CompactRows] = {}
    for row in run.ledger.stream("outcome"):
        if row["split"] == split:
            kept = {"seed": row["seed"], "stopped": row["stopped"], **row["figures"]}
            found.setdefault(row["method"], CompactRows()).append(kept)
    return {name: CompactRows(sorted(rows, key=lambda row: row["seed"])) for name, rows in found.items()}


def values_of(rows: Sequence[Row], figure: str) -> list[float]:
    """Gather a figure over seeds.

    Args:
        rows: Of a method.
        figure: Its name.

    Returns:
        Those that are finite.
    """
    found = [row.get(figure) for row in rows]
    return [float(value) for value in found if value is not None and math.isfinite(value)]
