"""What the campaign counts, and how it runs commands: forked from one warm process, ended at the n-th write."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from helpers import jobs

HERE = Path(__file__).parents[1] / "campaign"
OURS = re.compile(r"alarm: |step \d+: |[a-z ]+ \d+/\d+")
"""What a job says on standard error without a terminal: alarms, and how far it is; nothing of other libraries."""


def full(config: pytest.Config) -> bool:
    """Whether the whole campaign is asked for, not what fits into two minutes."""
    return bool(config.getoption("--full", default=False))


@dataclass
class Tally:
    """What was tried, and what failed, by check and command."""

    tried: dict[tuple[str, str], int] = field(default_factory=dict)
    failed: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    long: dict[str, dict[str, float]] = field(default_factory=dict)
    """Of a long run: rows, megabytes of its ledger and page, seconds of processor and clock, megabytes of memory."""
    folder: Path | None = None
    """Where each test leaves what it tried, so that an interrupted campaign resumes."""
    _fresh: list[tuple[str, str, str | None]] = field(default_factory=list)
    _kept: list[tuple[str, str, str | None]] = field(default_factory=list)
    _test: str = ""

    def add(self, check: str, what: str, problem: str | None = None) -> None:
        """Count one attempt, and what went wrong with it."""
        key = check, what
        self._fresh.append((check, what, problem))
        self.tried[key] = self.tried.get(key, 0) + 1
        if problem is not None:
            self.failed.setdefault(key, []).append(problem)

    def settle(self, check: str, what: str) -> None:
        """Keep what the test tried, and fail it if one of its attempts did."""
        self.keep()
        problems = self.failed.get((check, what), [])
        if problems:
            shown = "\n".join(problems[:5])
            pytest.fail(f"{len(problems)} of {self.tried[check, what]}: {check}, {what}\n{shown[:6000]}", pytrace=False)

    def keep(self, long: str | None = None) -> None:
        """Leave what this test tried, and a long run it measured, in the folder."""
        test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" (")[0]
        fresh, self._fresh = self._fresh, []
        if test == self._test:  # it settles several checks
            fresh = self._kept + fresh
        self._test, self._kept = test, fresh
        if self.folder is not None:
            measured = {} if long is None else {long: self.long[long]}
            self.folder.mkdir(parents=True, exist_ok=True)
            content = json.dumps({"test": test, "tried": fresh, "long": measured})
            (self.folder / f"{sha256(test.encode()).hexdigest()[:24]}.json").write_text(content)

    @classmethod
    def kept(cls, folder: Path) -> tuple[Tally, set[str]]:
        """All that tests left in a folder, and the tests nothing failed in."""
        found, passed = cls(), set[str]()
        for path in sorted(folder.glob("*.json")):
            one = json.loads(path.read_text())
            for check, what, problem in one["tried"]:
                found.add(check, what, problem)
            found.long |= one["long"]
            if all(problem is None for *_, problem in one["tried"]):
                passed.add(one["test"])
        return found, passed

    def plain(self) -> list[Any]:
        """All of it, for another process."""
        rows = [[*key, count, self.failed.get(key, [])] for key, count in self.tried.items()]
        return [rows, self.skipped, self.long]

    def take(self, plain: list[Any] | None) -> None:
        """Add what another process counted."""
        rows, skipped, long = plain or ([], {}, {})
        for check, what, count, problems in rows:
            key = check, what
            self.tried[key] = self.tried.get(key, 0) + count
            if problems:
                self.failed.setdefault(key, []).extend(problems)
        self.skipped |= skipped
        self.long |= long

    def lines(self) -> list[str]:
        """The table, as Markdown."""
        checks = sorted({check for check, _ in self.tried})
        rows = ["| check | commands | tried | failed |", "| --- | --- | --- | --- |"]
        for check in checks:
            keys = sorted(key for key in self.tried if key[0] == check)
            names = [what for _, what in keys]
            what = ", ".join(names) if len(names) <= 4 else f"{len(names)}: {', '.join(names)}"
            tried, failed = sum(self.tried[key] for key in keys), sum(len(self.failed.get(key, [])) for key in keys)
            rows.append(f"| {check} | {what} | {tried:,} | {failed} |")
        rows += [f"| {check} | not tried here: {reason} | 0 | 0 |" for check, reason in self.skipped.items()]
        return rows

    def long_lines(self) -> list[str]:
        """The table of long runs, as Markdown."""
        rows = ["| command | rows | ledger, MB | page, MB | processor, s | wall, s | peak, MB |"]
        rows += ["| --- | --- | --- | --- | --- | --- | --- |"]
        for job, one in sorted(self.long.items()):
            sizes = f"{one['rows']:,.0f} | {one['ledger']:.0f} | {one['page']:.1f}"
            rows.append(f"| `{job}` | {sizes} | {one['cpu']:.0f} | {one['seconds']:.0f} | {one['memory']:.0f} |")
        return rows


TALLY = Tally()


@dataclass
class Result:
    """How a command ended."""

    status: int | None
    out: str
    err: str

    @property
    def problem(self) -> str | None:
        """What no command may do, whatever it is given."""
        if self.status is None:
            return f"it did not end: {self.err[-300:]}"
        if self.status not in (0, 1, 2) or "Traceback (most recent" in self.err:
            return f"status {self.status}: {self.err[-1500:]}"
        if self.status == 1 and not self.err.strip():
            return "status 1 without a word"
        return f"{len(self.err):,} characters of errors" if len(self.err) > 60_000 else None


class Server:
    """Starts commands in forked children of one warm process; see `server.py`."""

    def __init__(self, shim: Path | None, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.shim = shim
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        environment |= {"ANTIGRAD_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
        if shim is not None:
            environment["LD_PRELOAD"] = str(shim)
        self._errors = (folder / "server.err").open("w")
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._errors, text=True, env=environment, cwd=folder,
        )  # fmt: skip
        assert self.process.stdout is not None and self.process.stdout.readline() == "ready\n"

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self._errors.close()

    def ask(self, task: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(self, argv: list[str], **options: Any) -> tuple[int, Path]:
        """Start a command; its process, and the stem of its output files."""
        self.count += 1
        stem = self.folder / f"{self.count:06d}"
        files = {"out": f"{stem}.out", "err": f"{stem}.err"}
        return self.ask({"do": "start", "argv": argv, **files, **options})["process"], stem

    def wait(self, process: int, stem: Path, limit: float = 300) -> Result:
        """Wait for it, and read what it said."""
        status = self.ask({"do": "wait", "process": process, "limit": limit})["status"]
        texts: list[str] = []
        for suffix in (".out", ".err"):
            path = stem.with_suffix(suffix)
            texts.append(path.read_text(errors="replace") if path.exists() else "")
            path.unlink(missing_ok=True)
        return Result(status, *texts)

    def run(self, argv: list[str], limit: float = 300, **options: Any) -> Result:
        """Run a command."""
        return self.wait(*self.start(argv, **options), limit=limit)


@dataclass
class Whole:
    """A run that nothing interrupted."""

    path: Path
    changes: int
    seconds: float


class Wholes:
    """Uninterrupted runs, each made once."""

    def __init__(self, server: Server, paths: dict[str, Path], folder: Path) -> None:
        self.server, self.paths, self.folder = server, paths, folder
        self.known: dict[str, Whole] = {}

    def of(self, job: str) -> Whole:
        if job not in self.known:
            output, counts = self.folder / job.replace(" ", "-"), self.folder / "counts"
            began = monotonic()
            result = self.server.run(
                jobs.words(job, self.paths, output), folder=str(output), at=0, counts=str(counts), limit=1200
            )
            assert result.status == 0, result.err[-3000:]
            foreign = [line for line in result.err.splitlines() if line.strip() and not OURS.match(line)]
            assert not foreign, f"not said by {job}: {foreign[:5]}"
            changes = int(counts.read_text()) if counts.exists() else 0
            self.known[job] = Whole(output, changes, monotonic() - began)
        return self.known[job]
