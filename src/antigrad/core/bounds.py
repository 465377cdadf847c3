"""Bounds of time and memory for work that others decide: templates of a model, answers that are judged."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")


class OutOfTimeError(Exception):
    """Work took longer than it may."""


class _Alarm(BaseException):
    """Passes through the `except Exception` of the code that is timed."""


def can_time() -> bool:
    """Whether a signal can end work here: they reach the main thread of a POSIX process alone.

    Returns:
        True if it can.
    """
    return threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")


def timed(seconds: float, work: Callable[[], Found]) -> Found:
    """Do work under a time limit: by a signal where there are signals, else by another thread that looks on.

    Either ends what Python does between two of its instructions, not one long instruction.

    Args:
        seconds: The limit.
        work: What may take too long.

    Returns:
        What it returns.

    Raises:
        OutOfTimeError: It took too long.
    """
    return _by_signal(seconds, work) if can_time() else _by_thread(seconds, work)


def _by_signal(seconds: float, work: Callable[[], Found]) -> Found:
    working = True

    def stop(*_: object) -> None:
        if working:
            raise _Alarm

    def unheard(report: sys.UnraisableHookArgs) -> None:
        # Rung inside a finalizer or a callback of the garbage collector, which can't raise it.
        if report.exc_type is not _Alarm:
            hook(report)

    hook, handler = sys.unraisablehook, signal.signal(signal.SIGALRM, stop)
    sys.unraisablehook = unheard
    # Rings again, in case nobody heard it or a bare `except` swallowed it.
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        try:
            return work()
        finally:
            working = False  # where it rings before this is done, it is heard below
    except _Alarm:
        working = False
        raise OutOfTimeError(f"more than {seconds:g} seconds") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
        sys.unraisablehook = hook


def _by_thread(seconds: float, work: Callable[[], Found]) -> Found:
    mine, done = threading.get_ident(), threading.Event()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            _raise_in(mine, _Alarm)
            wait = 0.5  # again, as a signal does

    def stop() -> None:
        done.set()
        watcher.join()
        _raise_in(mine, None)  # one that is on its way

    watcher = threading.Thread(target=watch, daemon=True, name="time limit")
    try:
        try:
            watcher.start()
            return work()
        finally:
            stop()
    except _Alarm:
        stop()  # the alarm may have come while it was stopped
        raise OutOfTimeError(f"more than {seconds:g} seconds") from None


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    # None takes back what was not raised yet.
    given = ctypes.py_object() if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), given)


@contextmanager
def memory(more: int) -> Generator[None]:
    """Let this process grow by so much at most while something runs; beyond it, MemoryError.

    On Linux alone: elsewhere a process does not know its size.

    Args:
        more: Bytes.

    Yields:
        Nothing; work inside.
    """
    before = None
    with suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + more
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        bounds = [bound for bound in (soft, hard) if bound != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_AS, (min([most, *bounds]), hard))
        before = (soft, hard)
    try:
        yield
    finally:
        if before is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, before)
