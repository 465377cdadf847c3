"""Killed at any write and at any moment, a run goes on to the result of one that nothing interrupted."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from helpers import jobs
from helpers.campaign import Server, Tally, Wholes, full
from helpers.same import difference

pytestmark = [pytest.mark.campaign, pytest.mark.filterwarnings("ignore")]
AT_WRITES, AT_MOMENTS, TWICE = "killed at the n-th write, then resumed", "killed at random moments, then resumed", (
    "two processes on one folder"
)  # fmt: skip


def resumed(server: Server, argv: list[str], job: str, output: Path, whole: Path) -> str | None:
    """Resume a run; what is wrong with how it ends."""
    result = server.run([*argv, "--resume"])
    if result.status != 0:
        return f"resuming: {result.problem or result.err[-1500:]}"
    return difference(job, output, whole)


def points(changes: int, most: int) -> list[tuple[int, bool]]:
    """Changes to be killed at, evenly from the first to the last; every third write is done by half."""
    count = min(changes, most)
    places = sorted({1 + round(number * (changes - 1) / max(1, count - 1)) for number in range(count)})
    return [(place, number % 3 == 2) for number, place in enumerate(places)]


def test_at_the_nth_write(
    job: str, server: Server, paths: dict[str, Path], wholes: Wholes, tally: Tally, tmp_path: Path, request: Any
) -> None:
    if server.shim is None:
        tally.skipped[AT_WRITES] = "no C compiler"
        pytest.skip("no C compiler")
    whole = wholes.of(job)
    assert whole.changes > 3
    for at, half in points(whole.changes, 16 if full(request.config) else 4):
        output = tmp_path / f"at-{at}"
        argv = jobs.words(job, paths, output)
        killed = server.run(argv, folder=str(output), at=at, half=half)
        problem = None if killed.status == -signal.SIGKILL else f"not killed: {killed.status} {killed.err[-800:]}"
        problem = problem or resumed(server, argv, job, output, whole.path)
        tally.add(AT_WRITES, job, None if problem is None else f"{job}, write {at} of {whole.changes}: {problem}")
    tally.settle(AT_WRITES, job)


def test_killed_again_and_again(
    job: str, server: Server, paths: dict[str, Path], wholes: Wholes, tally: Tally, tmp_path: Path
) -> None:
    """One run that is killed at the third write of every attempt that gets so far, then at later ones."""
    if server.shim is None:
        pytest.skip("no C compiler")
    output, check = tmp_path / "run", "killed at every attempt, eight times"
    argv = jobs.words(job, paths, output)
    problem: str | None = None
    for at in (3, 5, 9, 14, 20, 27, 35, 44):
        killed = server.run([*argv, "--resume"], folder=str(output), at=at)
        if killed.status == 0:
            break
        if killed.status != -signal.SIGKILL:
            problem = f"write {at}: {killed.problem or killed.err[-1500:]}"
            break
    problem = problem or resumed(server, argv, job, output, wholes.of(job).path)
    tally.add(check, job, problem)
    tally.settle(check, job)


def test_at_random_moments(
    job: str, server: Server, paths: dict[str, Path], wholes: Wholes, tally: Tally, tmp_path: Path, request: Any
) -> None:
    whole, moments = wholes.of(job), random.Random(job)
    for number in range(6 if full(request.config) else 1):
        output = tmp_path / f"moment-{number}"
        argv = jobs.words(job, paths, output)
        process, stem = server.start(argv)
        time.sleep(moments.random() * whole.seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        ended = server.wait(process, stem)
        problem = None
        if ended.status not in (0, -signal.SIGKILL):
            problem = f"status {ended.status}: {ended.err[-800:]}"
        problem = problem or resumed(server, argv, job, output, whole.path)
        tally.add(AT_MOMENTS, job, problem)
    tally.settle(AT_MOMENTS, job)


def test_two_processes_on_one_folder(
    job: str, server: Server, paths: dict[str, Path], wholes: Wholes, tally: Tally, tmp_path: Path
) -> None:
    """Both at once: one does the work, the other is refused, or comes when all is done; no row is written twice."""
    output = tmp_path / "run"
    argv = [*jobs.words(job, paths, output), "--resume"]
    both = [server.start(argv) for _ in range(2)]
    results = [server.wait(*one) for one in both]
    problem = next(filter(None, (result.problem for result in results)), None)
    refused = [result for result in results if result.status == 1]
    if problem is None and len(refused) == 2:
        problem = f"both were refused: {refused[0].err[-400:]}"
    if problem is None and any("in use by" not in result.err for result in refused):
        problem = refused[0].err[-800:]
    problem = problem or resumed(server, argv[:-1], job, output, wholes.of(job).path)
    tally.add(TWICE, job, problem)
    tally.settle(TWICE, job)
