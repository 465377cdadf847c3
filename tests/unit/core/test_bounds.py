"""Bounds of time and memory for work that others decide."""

import signal
import sys
import threading

import pytest

from antigrad.core.bounds import OutOfTimeError, can_time, memory, timed


def forever() -> None:
    while True:
        pass


def test_work_without_end_is_stopped_and_the_alarm_is_put_back() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(OutOfTimeError, match=r"0\.05 seconds"):
        timed(0.05, forever)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_quick_work_keeps_its_result_and_its_exception() -> None:
    assert timed(5.0, lambda: 3) == 3
    with pytest.raises(KeyError):
        timed(5.0, lambda: {}["x"])


def test_only_the_main_thread_can_time() -> None:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(can_time()))
    thread.start()
    thread.join()
    assert (can_time(), found) == (True, [False])


@pytest.mark.skipif(sys.platform != "linux", reason="a process knows its size on Linux")
def test_memory_has_a_bound_that_ends_with_the_block() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(MemoryError), memory(1 << 28):
        bytearray(1 << 30)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    with memory(1 << 28):
        bytearray(1 << 24)
