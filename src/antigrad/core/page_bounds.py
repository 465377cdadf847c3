"""What a page may hold at most, however long the run: rows of a table, groups of tokens, points of a line.

Everything else stays in the ledger, and the page says how much that is.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar, cast

from antigrad.core.errors import shortened
from antigrad.core.ledger import to_json

SHOWN = 200
"""Rows of a table and groups of tokens, where a job has no setting of its own."""
POINTS = 20_000
"""Points of a chart, shared by its lines."""
LEAST_POINTS = 200
BYTES = 2_000_000
"""Of the groups of one section, as JSON."""
TEXT = 2000
"""Characters of a text in a table."""

Item = TypeVar("Item")


def worst(items: Iterable[Item], most: int, key: Callable[[Item], float]) -> list[Item]:
    """Choose the items with the lowest keys in one pass; as many are held as are chosen.

    Args:
        items: Any number, a stream too.
        most: How many to choose.
        key: A figure; NaN counts as the highest.

    Returns:
        Those chosen, in their own order.

    Example:
        >>> worst([3.0, 1.0, float("nan"), 2.0], 2, lambda value: value)
        [1.0, 2.0]
    """

    def number(pair: tuple[int, Item]) -> tuple[bool, float, int]:
        value = key(pair[1])
        return (value != value, value if value == value else 0.0, pair[0])

    return [item for _, item in sorted(heapq.nsmallest(most, enumerate(items), key=number), key=lambda pair: pair[0])]


def spaced(rows: Sequence[Item], most: int) -> list[Item]:
    """Choose rows evenly, the first and the last among them.

    Args:
        rows: Any number.
        most: How many to choose.

    Returns:
        Those chosen, in order.

    Example:
        >>> spaced(range(9), 3)
        [0, 4, 8]
    """
    if len(rows) <= most:
        return list(rows)
    if most < 2:
        return [rows[-1]]
    return [rows[round(number * (len(rows) - 1) / (most - 1))] for number in range(most)]


def more(count: int, shown: int, what: str = "rows") -> str:
    """Say how many are left out, and where they are.

    Args:
        count: Of all.
        shown: Of those on the page.
        what: They are.

    Returns:
        A sentence with a space before it; nothing where all are shown.

    Example:
        >>> more(1200, 200, "questions")
        ' 1,000 more questions are in ledger.jsonl.'
    """
    return f" {count - shown:,} more {what} are in ledger.jsonl." if count > shown else ""


def within(groups: Iterable[Item]) -> list[Item]:
    """Take groups as long as they fit on a page together, one at least.

    Args:
        groups: Dataclasses; a stream is read no further than it fits.

    Returns:
        The first of them.
    """
    kept, size = list[Item](), 0
    for group in groups:
        size += len(json.dumps(to_json(asdict(cast(Any, group))), ensure_ascii=False))
        if kept and size > BYTES:
            break
        kept.append(group)
    return kept


def bounded(section: Any, shown: int) -> Any:
    """Cut a section to what a page may hold.

    Args:
        section: Of `core.page`.
        shown: Rows of a table, or groups of tokens.

    Returns:
        The section, or one that says what it left out.
    """
    if section.kind == "table":
        rows = [_short(row) for row in section.rows[:shown]]
        return replace(section, rows=rows, text=section.text + more(len(section.rows), len(rows)))
    if section.kind == "tokens":
        groups = within(section.groups[:shown])
        return replace(section, groups=groups, text=section.text + more(len(section.groups), len(groups), "groups"))
    return section


def thinned(figure: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Leave out points that are too many to be drawn: a line keeps the extremes of each stretch, a cloud every n-th.

    Args:
        figure: A Plotly figure as its JSON.

    Returns:
        The figure, and a sentence on what was left out; empty where nothing was.
    """
    data: list[dict[str, Any]] = list(figure.get("data", []))
    most = max(LEAST_POINTS, POINTS // max(1, len(data)))
    done, longest = list[dict[str, Any]](), 0
    for trace in data:
        count = _length(trace)
        longest = max(longest, count)
        done.append(_taken(trace, count, _places(trace, count, most)) if count > most else trace)
    if longest <= most:
        return dict(figure), ""
    text = (
        f" Drawn are up to {most:,} of {longest:,} points: of a line the first, the last, and of each stretch between "
    )
    return {**figure, "data": done}, text + "them the lowest and the highest; of others every n-th."


def _length(trace: Mapping[str, Any]) -> int:
    # Of a map, its columns.
    if trace.get("z"):
        return len(trace["z"][0])
    return max((len(trace[key]) for key in ("x", "y") if isinstance(trace.get(key), list | tuple)), default=0)


def _places(trace: Mapping[str, Any], count: int, most: int) -> list[int]:
    values: Any = trace.get("x" if trace.get("orientation") == "h" else "y")
    line = trace.get("type", "scatter") == "scatter" and "lines" in trace.get("mode", "lines")
    if not line or not isinstance(values, list | tuple) or len(cast(Any, values)) != count:
        return spaced(range(count), most)
    kept, stretches = {0, count - 1}, max(1, (most - 2) // 2)
    for number in range(stretches):
        stretch = range(number * count // stretches, (number + 1) * count // stretches)
        known = [place for place in stretch if isinstance(values[place], int | float)]
        if known:
            kept |= {min(known, key=lambda place: values[place]), max(known, key=lambda place: values[place])}
    return sorted(kept)


def _taken(value: Any, count: int, places: Sequence[int]) -> Any:
    # Every list of one entry a point, wherever it stands in the trace: x, text, customdata, error bars, colours.
    if isinstance(value, Mapping):
        return {key: _taken(one, count, places) for key, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        items: Sequence[Any] = cast("Sequence[Any]", value)
        if len(items) == count:
            return [items[place] for place in places]
        return [_taken(one, count, places) if isinstance(one, list | tuple) else one for one in items]
    return value


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: shortened(value, TEXT) if isinstance(value, str) else value for key, value in row.items()}
