"""Rows of a long ledger in a fraction of the memory of dictionaries: figures as numbers, everything else once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from antigrad.core.ledger import Row

EXACT = 2**53
"""Whole numbers up to this are the same as floats."""
_FLOAT, _INTEGER, _OTHER = range(3)


class CompactRows(Sequence[Mapping[str, Any]]):
    """Rows that are read as dictionaries and kept as numbers.

    Rows with the same keys and kinds of values share them; a figure takes 8 bytes; texts and other values that can be
    hashed are kept once. Rows of a ledger still know where they stand.

    Args:
        rows: Any number, a stream too.

    Example:
        >>> rows = CompactRows({"step": step, "loss": 1 / step, "rule": "nthr"} for step in range(1, 4))
        >>> len(rows), rows[-1]
        (3, {'step': 3, 'loss': 0.3333333333333333, 'rule': 'nthr'})
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self._forms: list[tuple[tuple[str, int], ...]] = []
        self._known: dict[tuple[tuple[str, int], ...], int] = {}
        self._form, self._start, self._figures = array("q"), array("q"), array("d")
        self._line, self._file = array("q"), ""
        self._others: list[Any] = []
        self._place: dict[Any, int] = {}
        for row in rows:
            self.append(row)

    def append(self, row: Mapping[str, Any]) -> None:
        """Take a row.

        Args:
            row: Keys and values; values are not copied and must not change afterwards.
        """
        self._start.append(len(self._figures))
        form = tuple((key, _kind(value)) for key, value in row.items())
        for (_, kind), value in zip(form, row.values(), strict=True):
            self._figures.append(self._other(value) if kind == _OTHER else value)
        if form not in self._known:
            self._known[form] = len(self._forms)
            self._forms.append(form)
        self._form.append(self._known[form])
        file, _, line = row.place.rpartition(" ") if isinstance(row, Row) else ("", "", "")
        self._file = file or self._file
        self._line.append(int(line) if line.isdigit() else 0)

    def _other(self, value: Any) -> int:
        try:
            place = self._place.setdefault((type(value), value), len(self._others))
        except TypeError:  # a list or mapping
            place = len(self._others)
        if place == len(self._others):
            self._others.append(value)
        return place

    def __len__(self) -> int:
        """Count them.

        Returns:
            Number of rows.
        """
        return len(self._form)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...

    def __getitem__(self, index: int | slice) -> Any:
        """Make one row, or some.

        Args:
            index: Which.

        Returns:
            The row; a list of rows for a slice.
        """
        if isinstance(index, slice):
            return [self._row(place) for place in range(*index.indices(len(self)))]
        return self._row(range(len(self))[index])

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Iterate over rows.

        Yields:
            One dictionary a row, in order.
        """
        yield from map(self._row, range(len(self)))

    def _row(self, place: int) -> dict[str, Any]:
        figures, others, start = self._figures, self._others, self._start[place]
        row: dict[str, Any] = {}
        for number, (key, kind) in enumerate(self._forms[self._form[place]], start):
            value = figures[number]
            row[key] = value if kind == _FLOAT else int(value) if kind == _INTEGER else others[int(value)]
        line = self._line[place]
        return Row(row, f"{self._file} {line}") if line else row


def _kind(value: Any) -> int:
    if type(value) is float:
        return _FLOAT
    return _INTEGER if type(value) is int and abs(value) <= EXACT else _OTHER
