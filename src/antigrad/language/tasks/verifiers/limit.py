"""A time limit on judging one response, by a signal."""

from __future__ import annotations

import threading
from collections.abc import Callable

from antigrad.core.bounds import OutOfTimeError, can_time, timed
from antigrad.core.errors import AntigradError

TIME_LIMIT = 5.0
"""Seconds that judging one response may take; a response that takes longer is wrong."""


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
    if not can_time():
        raise AntigradError(
            f"a time-limited verifier in thread {threading.current_thread().name!r}",
            "the main thread of a POSIX process",
            "verify there, or choose the verifier 'last_number' or 'exact'",
        )
    try:
        return timed(seconds, judge)
    except OutOfTimeError:
        return False
