"""Append-only rows of a run: one JSON object a line, safe against a crash at any byte."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from sys import intern
from typing import Any, cast

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.core.files import disk_errors

_TO_TEXT = {math.inf: "Infinity", -math.inf: "-Infinity"}
_FROM_TEXT = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_TEXT = "$text"
"""Marks a text that would read as a number: a model may well answer `NaN`."""

_KIND = b'{"kind": "'
_MARKS = (b'NaN"', b'Infinity"', b'"$text"', b"\\u")
"""Without one of these a line has nothing to turn back."""


def to_json(value: Any) -> Any:
    """Turn a value into strict JSON: non-finite numbers become their names, scalars become Python numbers.

    Args:
        value: Nested dictionaries, lists, numbers, strings, scalar tensors or arrays.

    Returns:
        The same structure of what JSON knows. A text that is such a name is wrapped, `{"$text": "NaN"}`.

    Raises:
        InputTypeError: A value has no JSON form.

    Example:
        >>> to_json({"loss": float("nan"), "n": 3})
        {'loss': 'NaN', 'n': 3}
    """
    if isinstance(value, str) and value in _FROM_TEXT:
        return {_TEXT: value}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _TO_TEXT.get(value, "NaN")
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in cast(Mapping[Any, Any], value).items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in cast(list[Any], value)]
    if hasattr(value, "tolist"):
        return to_json(value.tolist())
    raise InputTypeError(
        f"a {type(value).__name__} in a ledger row", "numbers, text, lists, mappings", "convert it first"
    )


def from_json(value: Any) -> Any:
    """Undo `to_json`.

    Args:
        value: What `json.loads` returned.

    Returns:
        The same structure with NaN and infinities as floats.

    Example:
        >>> from_json({"loss": "-Infinity", "answer": {"$text": "NaN"}})
        {'loss': -inf, 'answer': 'NaN'}
    """
    if isinstance(value, str):
        return _FROM_TEXT.get(value, value)
    if isinstance(value, dict):
        items = cast(dict[str, Any], value)
        return items[_TEXT] if set(items) == {_TEXT} else {key: from_json(item) for key, item in items.items()}
    return [from_json(item) for item in cast(list[Any], value)] if isinstance(value, list) else value


class Row(dict[str, Any]):
    """A row as it was read: asked for a key that it lacks, it says where it stands."""

    def __init__(self, row: Mapping[str, Any], place: str) -> None:
        super().__init__(row)
        self.place = place

    def __missing__(self, key: str) -> Any:
        raise InputValueError(f"{self.place} has no {key!r}", "a row as the job wrote it", "restore or remove the line")

    def only(self, content: Mapping[str, Any]) -> Row:
        """Make a row of other content that stands in the same place.

        Args:
            content: Keys and values.

        Returns:
            The row.
        """
        return Row(content, self.place)

    def __reduce__(self) -> tuple[Any, ...]:
        return Row, (dict(self), self.place)


class Ledger:
    """Rows of a run in one JSON Lines file.

    A row is on disk when `append` or `extend` returns. A row cut off by a crash is the last line without its line
    end; it is left out when reading and removed before the next row is written.

    Args:
        path: The file; made with its first row.

    Example:
        >>> import tempfile
        >>> ledger = Ledger(Path(tempfile.mkdtemp()) / "ledger.jsonl")
        >>> ledger.append({"kind": "step", "loss": 0.5})
        >>> ledger.rows(kind="step")[0]["loss"]
        0.5
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one row and force it to disk.

        Args:
            row: What to keep; see `to_json` for what a value may be.

        Raises:
            AntigradError: The disk is full or the folder can't be written.
        """
        self.extend([row])

    def extend(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write many rows and force them to disk together.

        After a crash the first of them may be there and the others not, as with many calls of `append`.

        Args:
            rows: What to keep, in order; if one of them has no JSON form, none is written.

        Raises:
            AntigradError: The disk is full or the folder can't be written.

        Example:
            >>> import tempfile
            >>> ledger = Ledger(Path(tempfile.mkdtemp()) / "ledger.jsonl")
            >>> ledger.extend({"kind": "token", "place": place} for place in range(3))
            >>> len(ledger.rows("token"))
            3
        """
        lines = [json.dumps(to_json(row), ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
        if not lines:
            return
        with disk_errors(self.path), self.path.open("ab") as file:
            end = _end_of_last_whole_row(self.path)
            if end != file.tell():
                file.truncate(end)
            file.write("".join(lines).encode())
            file.flush()
            os.fsync(file.fileno())

    def rows(self, kind: str | None = None, *, without: Collection[str] = ()) -> list[dict[str, Any]]:
        """Read the rows back.

        Args:
            kind: Only rows whose `kind` is this; all when None.
            without: Keys to leave out, for rows that are heavy by what is not needed.

        Returns:
            The rows in the order they were written.
        """
        return list(self.stream(kind, without=without))

    def stream(self, kind: str | None = None, *, without: Collection[str] = ()) -> Iterator[dict[str, Any]]:
        """Read the rows back one at a time: a ledger may be larger than memory.

        Args:
            kind: Only rows whose `kind` is this; all when None.
            without: Keys to leave out.

        Yields:
            One row after the other, in the order they were written.
        """
        for row in self._rows(None if kind is None else f'{{"kind": {json.dumps(kind)}'.encode()):
            if kind is None or row.get("kind") == kind:
                # Keys are the same in every row: kept once.
                yield row.only({intern(key): value for key, value in row.items() if key not in without})

    def one(self, kind: str) -> dict[str, Any]:
        """Read the only row of a kind.

        Args:
            kind: Its kind.

        Returns:
            The row; of several the last.

        Raises:
            InputValueError: There is none.
        """
        found = self.rows(kind)
        if not found:
            raise InputValueError(f"{self.path} has no row {kind!r}", "the ledger as its job wrote it", "restore it")
        return found[-1]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Iterate over whole rows.

        Yields:
            One dictionary a row.

        Raises:
            InputValueError: A whole line is not a JSON object: someone edited the file.
        """
        yield from self._rows(None)

    def _rows(self, wanted: bytes | None) -> Iterator[Row]:
        # Lines that begin with another kind than the one wanted are not even parsed.
        if not self.path.exists():
            return
        if not self.path.is_file():
            raise InputValueError(f"{self.path}", "a file", "restore it, or remove what is in its place")
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                if wanted is not None and line.startswith(_KIND) and not line.startswith(wanted):
                    continue
                try:
                    row = json.loads(line)
                    if any(mark in line for mark in _MARKS):
                        row = from_json(row)
                except (ValueError, RecursionError):
                    row = None
                if not isinstance(row, dict):
                    raise InputValueError(
                        f"{self.path} line {number}: {line[:60]!r}",
                        "one JSON object a line",
                        "restore or remove the line",
                    )
                yield Row(row, f"{self.path} line {number}")

    def table(self, kind: str | None = None) -> dict[str, list[Any]]:
        """Read the rows back as columns.

        Args:
            kind: Only rows whose `kind` is this; all when None.

        Returns:
            One list a key, None where a row lacks it; ready for a data-frame constructor.

        Example:
            >>> import tempfile
            >>> ledger = Ledger(Path(tempfile.mkdtemp()) / "ledger.jsonl")
            >>> ledger.append({"a": 1}), ledger.append({"a": 2, "b": 3})
            (None, None)
            >>> ledger.table()
            {'a': [1, 2], 'b': [None, 3]}
        """
        rows = self.rows(kind)
        keys = list(dict.fromkeys(key for row in rows for key in row))
        return {key: [row.get(key) for row in rows] for key in keys}


def _end_of_last_whole_row(path: Path) -> int:
    """Find the position after the last line end, reading backwards from the end of the file.

    Args:
        path: The ledger's file.

    Returns:
        Bytes of whole rows.
    """
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        while position > 0:
            start = max(0, position - 65536)
            file.seek(start)
            found = file.read(position - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            position = start
    return 0
