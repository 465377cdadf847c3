"""What a page keeps of a certificate: a row says ten times as much, and a training may write a hundred thousand."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from sys import intern
from typing import Any

from antigrad.geometry.page.charts import RUNGS, number

Row = Mapping[str, Any]
_FIGURES = ("step", "optimizer", "independent", "effective", "cos", *RUNGS.values(), "granularity", "blocks_against")
_OF_ROWS = ("kind", "deletion", "skipped", "alarms", "effect", "lambda_lo", "lambda_hi", "window_from", "down_weight")


def kept(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Keep of each row what charts, cards and tables say.

    Args:
        rows: Of a ledger, a stream too.

    Yields:
        One a row, without what is empty.
    """
    names: dict[tuple[str, ...], dict[str, int]] = {}
    for row in rows:
        found = _filled(row, (*_FIGURES, *_OF_ROWS, "safe_weight"))
        own: Row = row.get("in_batch") or {}
        if own and number(row.get("cos")) is None:  # it stands for the row then
            found["in_batch"] = _filled(own, _FIGURES) | _layers(own, names)
        elif own:
            found["in_batch"] = {"cos": own.get("cos")}
        yield found | _layers(row, names)


def _filled(row: Row, keys: Iterable[str]) -> dict[str, Any]:
    some = ((key, row[key]) for key in keys if row.get(key) not in (None, [], {}))
    found = {key: intern(value) if type(value) is str else value for key, value in some}
    return found if "granularity" not in row else {"granularity": None} | found  # asked for, also where there is none


def _layers(row: Row, names: dict[tuple[str, ...], dict[str, int]]) -> dict[str, Any]:
    cosines: Mapping[str, float | None] | None = row.get("block_cos")
    if not cosines:
        return {}
    known = tuple(cosines)
    places = names.setdefault(known, {name: place for place, name in enumerate(known)})
    return {"block_cos": Layers(places, cosines.values())}


class Layers(Mapping[str, float | None]):
    """A figure of each layer, eight bytes each; rows of one model share the names.

    Args:
        places: Name and place.
        values: In that order; None where there is none.
    """

    __slots__ = ("_places", "_values")

    def __init__(self, places: Mapping[str, int], values: Iterable[float | None]) -> None:
        self._places = places
        self._values = array("d", (math.nan if value is None else value for value in values))

    def __getitem__(self, name: str) -> float | None:
        value = self._values[self._places[name]]
        return None if math.isnan(value) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
