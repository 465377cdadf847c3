"""The laboratory in its fast setting, and the twenty arms of the token bandit, against their budgets."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from antigrad.lab.run import LabConfig, lab
from antigrad.lab.table_one import arms, scores
from benchmarks.measure import record

BUDGET_SECONDS, BUDGET_MEGABYTES = 120.0, 2000.0


def run(quick: bool, keep: bool) -> None:
    """Time all studies, then the twenty arms with one seed; the ratio is to the budget of two minutes."""
    with tempfile.TemporaryDirectory() as folder:
        study = "displacement" if quick else "all"
        start = time.perf_counter()
        done = lab(LabConfig(study, Path(folder) / "run"))
        seconds = time.perf_counter() - start
        slow = {row["study"]: row["seconds"] for row in done.ledger.rows("study")}
    _report("lab_all", "all studies in the fast setting ÷ two minutes", seconds, {"studies": slow}, keep)
    torch.set_num_threads(1)  # the two workers compute on one thread each
    steps = 5 if quick else 300
    start = time.perf_counter()
    found = scores("token", (0,), steps)
    seconds = time.perf_counter() - start
    last = {f"{arm.name} c={arm.centre:g}": round(score.reward, 3) for arm, score in found if score.step == steps}
    what = f"{len(arms(steps))} arms of the token bandit, one seed, {steps} gradient steps ÷ two minutes"
    _report("lab_token_bandit", what, seconds, {"rewards": last}, keep)


def _report(name: str, what: str, seconds: float, more: dict[str, Any], keep: bool) -> None:
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1e3
    figures = {"name": name, "what": what, "ours": seconds, "theirs": BUDGET_SECONDS, "ratio": seconds / BUDGET_SECONDS}
    memory = {"largest_process_megabytes": peak, "budget_megabytes": BUDGET_MEGABYTES}
    record(figures | {"target": 1.0} | memory | more, keep=keep)
