"""A disk that fills up, and places that are no folder: one clear error, and the run resumes when there is room."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers import jobs
from helpers.campaign import Server, Tally, Wholes, full
from helpers.same import difference

pytestmark = [pytest.mark.campaign, pytest.mark.filterwarnings("ignore")]
FULL = "a full disk, then resumed with room"


def mounted(folder: Path, kilobytes: int, *, again: bool = False) -> str | None:
    """Mount a small file system in memory; why not, if it can't be."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounting needs root on Linux"
    options = f"size={kilobytes}k" + (",remount" if again else "")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True)
    return None if done.returncode == 0 else f"mount: {done.stderr.strip()}"


def used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1024


def test_a_full_disk(
    job: str, server: Server, paths: dict[str, Path], wholes: Wholes, tally: Tally, tmp_path: Path, request: Any
) -> None:
    whole, disk = wholes.of(job), tmp_path / "disk"
    disk.mkdir()
    for share in (0.05, 0.4, 0.8) if full(request.config) else (0.4,):
        reason = mounted(disk, max(8, round(share * used(whole.path))))
        if reason is not None:
            tally.skipped[FULL] = reason
            pytest.skip(reason)
        try:
            argv = jobs.words(job, paths, disk / "run")
            first = server.run(argv)
            problem = first.problem if first.status != 0 else None
            if (
                problem is None
                and first.status == 1
                and not any(word in first.err for word in ("full", "space", "room"))
            ):
                problem = f"the error does not say that the disk is full: {first.err[-600:]}"
            mounted(disk, 500_000, again=True)
            result = server.run([*argv, "--resume"])
            if problem is None and result.status != 0:
                problem = f"resuming: {result.problem or result.err[-1200:]}"
            problem = problem or difference(job, disk / "run", whole.path)
            tally.add(FULL, job, None if problem is None else f"{share:.0%} of the room: {problem}")
        finally:
            subprocess.run(["umount", str(disk)], check=False)
    tally.settle(FULL, job)


PLACES = {
    "a file for the folder": lambda folder: (folder / "run").write_text("x"),
    "a folder that is no run": lambda folder: (folder / "run" / "mine").mkdir(parents=True),
    "a link that leads nowhere": lambda folder: (folder / "run").symlink_to(folder / "nowhere" / "x"),
    "a link to itself": lambda folder: (folder / "run").symlink_to(folder / "run"),
}


@pytest.mark.parametrize("place", PLACES)
def test_places_that_are_none(
    job: str, place: str, server: Server, paths: dict[str, Path], tally: Tally, tmp_path: Path
) -> None:
    check = "an output that can't be one"
    PLACES[place](tmp_path)
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    result = server.run(jobs.words(job, paths, tmp_path / "run"))
    problem = result.problem
    if problem is None and result.status != 1 and place != "a link that leads nowhere":
        problem = f"status {result.status}"
    if problem is None and result.status == 1 and sorted(str(path) for path in tmp_path.rglob("*")) != before:
        problem = "something was written"
    tally.add(check, job, None if problem is None else f"{place}: {problem}")
    tally.settle(check, job)
