"""Progress on long work: a bar on a terminal, nothing anywhere else."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing import parent_process
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Task(Protocol):
    """What the body of a `progress` block may call."""

    def advance(self, note: str = "") -> None:
        """Count one unit of work as done.

        Args:
            note: A few words on what comes next.
        """
        ...


class _Bar:
    def __init__(self, bar: Progress, total: int, title: str) -> None:
        self._bar, self._task = bar, bar.add_task(title, total=total, note="")

    def advance(self, note: str = "") -> None:
        self._bar.update(self._task, advance=1, note=note)


@contextmanager
def progress(title: str, total: int, *, done: int = 0, console: Console | None = None) -> Generator[Task]:
    """Show how far a long piece of work is; silent when the console is not a terminal, and in worker processes.

    Args:
        title: What is being done.
        total: Units of work in all.
        done: Units already done, after a resume.
        console: Where to draw; standard error by default, so that standard output stays clean.

    Yields:
        An object whose `advance` counts one unit.

    Example:
        >>> with progress("questions", total=2) as task:
        ...     task.advance("question 1")
    """
    console = console or Console(stderr=True)
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    # A worker's bar would be drawn over that of the process which started it.
    silent = not console.is_terminal or parent_process() is not None
    with Progress(*columns, console=console, disable=silent) as bar:
        task = _Bar(bar, total, title)
        for _ in range(done):
            task.advance()
        yield task
