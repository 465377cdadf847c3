"""Rows that can't be used: distinguished from a fault of the program when a run is taken up again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any, cast

from antigrad.core.compact import CompactRows
from antigrad.core.errors import AntigradError, InputValueError
from antigrad.core.ledger import Ledger, Row

_NEAR = 3
"""Calls from which a row counts as in use."""
_OF_VALUES = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


@contextmanager
def rows_of_another_time(ledger: Path | None) -> Generator[None]:
    """Work with rows that an earlier process wrote, and say which one can't be used.

    Nobody checks the values of a row when it is read: there are many kinds. If work with them fails by what a value is,
    the ledger is searched for a value of another kind than the others of its key; where there is none, it is the row
    that was in use. If no row was, the fault is the program's.

    Args:
        ledger: The file; None, or no file, if this run begins now.

    Yields:
        Nothing; work inside.

    Raises:
        InputValueError: A row can't be used.
        Exception: What work raises else.
    """
    before = ledger is not None and ledger.exists()
    try:
        yield
    except _OF_VALUES as error:
        if isinstance(error, AntigradError):
            raise
        place = (odd_value(cast(Path, ledger)) or row_in_use(error.__traceback__)) if before else None
        if place is None:
            raise
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        hint = "restore the file, or start over in another --output; report it if nothing else wrote there"
        raise InputValueError(f"{place} ({reason})", "rows as the job wrote them", hint) from error


def odd_value(ledger: Path) -> str | None:
    """Find a value of another kind than most values of its key have, in rows of one kind.

    Args:
        ledger: The file.

    Returns:
        Where it stands; None if there is none.

    Example:
        >>> import tempfile
        >>> ledger = Ledger(Path(tempfile.mkdtemp()) / "ledger.jsonl")
        >>> for loss in (0.5, "a lot", 0.25):
        ...     ledger.append({"kind": "step", "loss": loss})
        >>> odd_value(ledger.path).partition("ledger.jsonl ")[2]
        "line 2: 'loss' is text, not a number"
    """
    seen: dict[tuple[str, str], Counter[str]] = {}
    for row in Ledger(ledger):
        for key, kind in _kinds(row):
            seen.setdefault((str(row.get("kind")), key), Counter())[kind] += 1
    usual = {key: counts.most_common(1)[0] for key, counts in seen.items() if len(counts) > 1}
    usual = {key: kind for key, (kind, count) in usual.items() if 2 * count > seen[key].total()}
    for row in Ledger(ledger):
        for key, kind in _kinds(row):
            expected = usual.get((str(row.get("kind")), key), kind)
            if kind != expected:
                return f"{cast(Row, row).place}: {key!r} is {kind}, not {expected}"
    return None


def _kinds(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    # Each key with the kind of its value, those of nested values too; what is not known is of every kind.
    if isinstance(value, Mapping):
        if key:
            yield key, "a mapping"
        for name, one in cast("Mapping[str, Any]", value).items():
            yield from _kinds(one, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        yield key, "a list"
        for one in cast("list[Any]", value):
            yield from _kinds(one, f"{key}[]")
    elif value is not None:
        names = {bool: "true or false", str: "text"}
        yield key, names.get(cast("type[Any]", type(value)), "a number")


def row_in_use(trace: TracebackType | None) -> str | None:
    """Find the row that was in use where an exception was raised: in the last calls of this package before it.

    Args:
        trace: Of the exception.

    Returns:
        Where the row stands; None if there was none.
    """
    calls = [call for call, _ in walk_tb(trace) if call.f_globals.get("__name__", "").startswith("antigrad")]
    for call in reversed(calls[-_NEAR:]):
        for value in call.f_locals.values():
            row = _row_within(value)
            if row is not None:
                return row.place
    return None


def _row_within(value: Any, depth: int = 3) -> Row | None:
    # The value, or the first of its values: rows are gathered in lists, and by name in mappings.
    if isinstance(value, Row) or not depth:
        return value if isinstance(value, Row) else None
    if isinstance(value, Mapping) and value:
        return _row_within(next(iter(cast("Mapping[Any, Any]", value).values())), depth - 1)
    if isinstance(value, list | tuple | CompactRows) and value:
        return _row_within(cast("Sequence[Any]", value)[0], depth - 1)
    return None
