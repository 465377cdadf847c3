"""Seconds of the steps of an unlearning, as if none of them had been certified."""

from __future__ import annotations

import time


class Clock:
    """Seconds of steps; certified ones count as the mean of the others, where there are any."""

    def __init__(self) -> None:
        self._spent: dict[bool, list[float]] = {True: [], False: []}
        self._began = self._so_far = 0.0

    def start(self) -> None:
        """Begin a step, or resume it."""
        self._began = time.perf_counter()

    def pause(self) -> None:
        """Leave out what comes now."""
        self._so_far += time.perf_counter() - self._began

    def stop(self, *, certified: bool) -> None:
        """End a step.

        Args:
            certified: Whether it was watched, which takes longer.
        """
        self.pause()
        self._spent[certified].append(self._so_far)
        self._so_far = 0.0

    @property
    def seconds(self) -> float:
        """Of all steps."""
        plain, watched = self._spent[False], self._spent[True]
        return sum(plain) * (1 + len(watched) / len(plain)) if plain else sum(watched)
