"""What the ledger of a comparison keeps: `reference`, `search`, `outcome` and `left out` rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.runs import RunFolder

Row = Mapping[str, Any]


def outcomes_of(run: RunFolder, split: int) -> dict[str, list[Row]]:
    """Gather the outcomes of a case.

    Args:
        run: The run.
        split: Number of the split.

    Returns:
        Method and its rows, one per seed, in the order of the seeds.
    """
    found: dict[str, list[Row]] = {}
    for row in sorted(run.ledger.rows("outcome"), key=lambda row: row["seed"]):
        if row["split"] == split:
            found.setdefault(row["method"], []).append(row)
    return found


def values_of(rows: Sequence[Row], figure: str) -> list[float]:
    """Gather a figure over seeds.

    Args:
        rows: Of a method.
        figure: Its name.

    Returns:
        Those that are finite.
    """
    found = [row["figures"].get(figure) for row in rows]
    return [float(value) for value in found if value is not None and math.isfinite(value)]
