"""Bounds of time and memory for work that others decide."""

import signal
import sys
import threading
from collections.abc import Callable

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


def in_thread(work: Callable[[], object]) -> object:
    found: list[object] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    return found[0] if found else "it hangs"


def test_signals_reach_the_main_thread_alone() -> None:
    assert (can_time(), in_thread(can_time)) == (True, False)


def test_another_thread_has_a_limit_too() -> None:
    stopped = in_thread(lambda: timed(0.05, forever))
    assert isinstance(stopped, OutOfTimeError) and "0.05 seconds" in str(stopped)
    assert in_thread(lambda: timed(5.0, lambda: 3)) == 3
    assert isinstance(in_thread(lambda: timed(5.0, lambda: {}["x"])), KeyError)


def test_what_swallows_the_alarm_of_another_thread_hears_it_again() -> None:
    def stubborn() -> None:
        try:
            forever()
        except BaseException:  # as a template's filters may
            forever()

    assert isinstance(in_thread(lambda: timed(0.05, stubborn)), OutOfTimeError)


def test_an_alarm_never_rings_after_the_work() -> None:
    def many() -> int:
        late = 0
        for _ in range(200):
            try:
                timed(1e-4, lambda: sum(range(3000)))
            except OutOfTimeError:
                late += 1
        sum(range(100_000))
        return late

    assert isinstance(in_thread(many), int)


@pytest.mark.skipif(sys.platform != "linux", reason="a process knows its size on Linux")
def test_memory_has_a_bound_that_ends_with_the_block() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(MemoryError), memory(1 << 28):
        bytearray(1 << 30)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    with memory(1 << 28):
        bytearray(1 << 24)
