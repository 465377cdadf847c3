"""What is bad for some rows running is said once."""

from __future__ import annotations

from collections.abc import Mapping


class Running:
    """Counts for how many rows running each of several things is bad.

    Args:
        texts: Name and alarm; `{n}` stands for the count.
        patience: Rows running before an alarm.

    Example:
        >>> running = Running({"low": "low in {n} rows"}, patience=2)
        >>> [running({"low": bad}) for bad in (True, None, True, True)]
        [[], [], ['low in 2 rows'], []]
    """

    def __init__(self, texts: Mapping[str, str], patience: int) -> None:
        self._texts, self._patience = texts, patience
        self._counts = dict.fromkeys(texts, 0)
        self._raised: set[str] = set()

    def __call__(self, seen: Mapping[str, bool | None]) -> list[str]:
        """Look at a row.

        Args:
            seen: Name, and whether it is bad; None where the row does not say.

        Returns:
            Alarms raised by it.
        """
        found: list[str] = []
        for name, bad in seen.items():
            if bad is not None:
                self._counts[name] = self._counts[name] + 1 if bad else 0
            if self._counts[name] >= self._patience and name not in self._raised:
                self._raised.add(name)
                found.append(self._texts[name].format(n=self._counts[name]))
        return found


class Falling:
    """Says whether a figure is below a tenth of what it was in the first row that had it."""

    def __init__(self) -> None:
        self._first: float | None = None

    def __call__(self, value: float | None) -> bool | None:
        """Look at a row.

        Args:
            value: Its figure.

        Returns:
            None where it has none, or none did yet.
        """
        if value is not None and self._first is None and value > 0:
            self._first = value
        return None if value is None or self._first is None else value < 0.1 * self._first
