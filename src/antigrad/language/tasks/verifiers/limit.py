"""A time limit on judging one response, by a signal."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable

from antigrad.core.errors import AntigradError

TIME_LIMIT = 5.0
"""Seconds that judging one response may take; a response that takes longer is wrong."""


class _OutOfTime(BaseException):
    """Passes through the `except Exception` of the code that is timed."""


def within(seconds: float, judge: Callable[[], bool]) -> bool:
    """Judge under a time limit.

    Args:
        seconds: The limit.
        judge: What may take too long.

    Returns:
        The verdict; False when it took too long.

    Raises:
        AntigradError: This is not the main thread, the only one that signals reach.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        raise AntigradError(
            f"a time-limited verifier in thread {threading.current_thread().name!r}",
            "the main thread of a POSIX process",
            "verify there, or choose the verifier 'last_number' or 'exact'",
        )

    def stop(*_: object) -> None:
        raise _OutOfTime

    def unheard(report: sys.UnraisableHookArgs) -> None:
        # Rung inside a finalizer or a callback of the garbage collector, which can't raise it.
        if report.exc_type is not _OutOfTime:
            hook(report)

    hook, handler = sys.unraisablehook, signal.signal(signal.SIGALRM, stop)
    sys.unraisablehook = unheard
    # Rings again, in case nobody heard it or a bare `except` swallowed it.
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        return judge()
    except _OutOfTime:
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
        sys.unraisablehook = hook
