"""Progress on long work: a bar on a terminal, anywhere else a line every so often."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import parent_process
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

EVERY = 30.0
"""Seconds between two lines where there is no terminal; what is done sooner says nothing."""


class Task(Protocol):
    """What the body of a `progress` block may call."""

    def advance(self, note: str = "") -> None:
        """Count one unit of work as done.

        Args:
            note: A few words on what comes next.
        """
        ...

    def within(self, share: float, note: str = "") -> None:
        """Show how much of the unit in work is done.

        Args:
            share: From 0 to 1.
            note: A few words on what comes next.
        """
        ...


class _Bar:
    def __init__(self, bar: Progress, total: int, title: str) -> None:
        self._bar, self._task, self._done = bar, bar.add_task(title, total=total, note=""), 0

    def advance(self, note: str = "") -> None:
        self._done += 1
        self._bar.update(self._task, completed=self._done, note=note)

    def within(self, share: float, note: str = "") -> None:
        self._bar.update(self._task, completed=self._done + share, note=note)


class _Lines:
    """A log file or a notebook: `questions 3/16, 0:01:20 so far, about 0:05:50 left: question 4`."""

    def __init__(self, console: Console, total: int, title: str, done: int, clock: Callable[[], float]) -> None:
        self._console, self._total, self._title, self._clock = console, total, title, clock
        self._done = self._before = done
        self._start = self._last = clock()
        self._said = False

    def advance(self, note: str = "") -> None:
        self._done += 1
        self._say(0.0, note)

    def within(self, share: float, note: str = "") -> None:
        self._say(share, note)

    def _say(self, share: float, note: str) -> None:
        now, done = self._clock(), self._done + share
        last = self._said and done == self._total
        if now - self._last < EVERY and not last:
            return
        self._last, self._said = now, True
        new, time_left = done - self._before, ""
        if new > 0 and done < self._total:
            time_left = f", about {_clock_time((now - self._start) / new * (self._total - done))} left"
        part = f" and {share:.0%}" if share else ""
        text = f"{self._title} {self._done}/{self._total}{part}, {_clock_time(now - self._start)} so far{time_left}"
        self._console.print(f"{text}: {note}" if note else text, markup=False, highlight=False, soft_wrap=True)


class _Silent:
    def advance(self, note: str = "") -> None:
        pass

    def within(self, share: float, note: str = "") -> None:
        pass


def _clock_time(seconds: float) -> str:
    return str(timedelta(seconds=round(max(0.0, seconds))))


_RUNNING: list[Task] = []
"""What is shown by `progress` blocks that are open, the innermost last."""


def within(share: float, note: str = "") -> None:
    """Show, from the work of one unit, how much of it is done; where nothing is shown, nothing happens.

    Args:
        share: From 0 to 1.
        note: A few words on what comes next.

    Example:
        >>> with progress("pictures", total=1):
        ...     within(1 / 9, "smoothgrad")
    """
    if _RUNNING:
        _RUNNING[-1].within(share, note)


@contextmanager
def progress(
    title: str,
    total: int,
    *,
    done: int = 0,
    console: Console | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[Task]:
    """Show how far a long piece of work is: a bar on a terminal, lines elsewhere, nothing in worker processes.

    Args:
        title: What is being done.
        total: Units of work in all.
        done: Units already done, after a resume.
        console: Where to draw; standard error by default, so that standard output stays clean.
        clock: Seconds, for the lines.

    Yields:
        An object whose `advance` counts one unit.

    Example:
        >>> with progress("questions", total=2) as task:
        ...     task.advance("question 1")
    """
    console = console or Console(stderr=True)
    with _shown(title, total, done, console, clock) as task:
        _RUNNING.append(task)
        try:
            yield task
        finally:
            _RUNNING.remove(task)


@contextmanager
def _shown(title: str, total: int, done: int, console: Console, clock: Callable[[], float]) -> Generator[Task]:
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    if parent_process() is not None:  # a worker's bar would be drawn over that of the process which started it
        yield _Silent()
        return
    if not console.is_terminal:
        yield _Lines(console, total, title, done, clock)
        return
    with Progress(*columns, console=console) as bar:
        task = _Bar(bar, total, title)
        for _ in range(done):
            task.advance()
        yield task
