"""Runs commands in forked children of one warm process: a second import of torch for each would take most of the time.

Reads one JSON object a line from standard input and answers with one. The shim is preloaded: a child may be told to end
at its n-th change of a folder.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

MODULES = (
    "antigrad.cli.main", "antigrad.report.render", "antigrad.posttraining.diagnose.job",
    "antigrad.posttraining.diagnose.pairs.job", "antigrad.posttraining.certify.job",
    "antigrad.posttraining.evaluate.job", "antigrad.posttraining.train.grpo.trainer",
    "antigrad.posttraining.train.dpo.trainer", "antigrad.posttraining.train.dpo.rounds",
    "antigrad.posttraining.train.bon.job", "antigrad.posttraining.train.rwr.job", "antigrad.language.tiny.pretrain.job",
    "antigrad.attribution.explain.job", "antigrad.attribution.explain_text.job",
    "antigrad.unlearning.unlearn.job", "antigrad.unlearning.compare.job", "antigrad.scenarios.scenario.job",
    "antigrad.lab.run.job", "antigrad.lab.simulation.job", "transformers.models.llama.modeling_llama",
    "transformers.models.auto.tokenization_auto", "transformers.generation.utils", "PIL.Image",
    "transformers.models.auto.modeling_auto", "scipy.stats", "captum.attr",
)  # fmt: skip


def child(task: dict[str, Any]) -> int:
    """Run a command as `antigrad` does; the exit status, 70 for a traceback."""
    os.setsid()
    keys = os.open(task.get("typed") or os.devnull, os.O_RDONLY)
    os.dup2(keys, 0)
    for name, stream in (("out", 1), ("err", 2)):
        os.dup2(os.open(task[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), stream)
    sys.stdin = os.fdopen(0, "r", closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", errors="backslashreplace", closefd=False)  # as Python opens it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if task.get("memory"):
        limit = int(task["memory"]) << 20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    shim = ctypes.CDLL(None)
    armed = task.get("folder") is not None and hasattr(shim, "campaign_arm")
    if armed:
        shim.campaign_arm(str(Path(task["folder"]).resolve()).encode(), ctypes.c_long(task.get("at", 0)),
                          int(bool(task.get("half"))))  # fmt: skip
    main = import_module("antigrad.cli.main").main
    status = 70
    try:
        status = main(task["argv"])
    except SystemExit as stop:
        status = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    if armed and task.get("counts"):
        Path(task["counts"]).write_text(str(shim.campaign_count()))
    return status


def main() -> None:
    """Serve until standard input ends."""
    import torch

    torch.set_num_threads(1)
    for name in MODULES:
        try:
            import_module(name)
        except ImportError as error:
            sys.stderr.write(f"{name}: {error}\n")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    running: dict[int, float] = {}
    for line in sys.stdin:
        task = json.loads(line)
        if task["do"] == "start":
            process = os.fork()
            if process == 0:
                os._exit(child(task))
            running[process] = time.monotonic()
            answer: dict[str, Any] = {"process": process}
        else:
            answer = _wait(task["process"], task["limit"], running)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _wait(process: int, limit: float, running: dict[int, float]) -> dict[str, Any]:
    # Exit status, or minus the signal; what runs longer than its limit is killed and says so.
    end = running.pop(process) + limit
    while True:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return {"status": os.waitstatus_to_exitcode(status)}
        if time.monotonic() > end:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return {"status": None}
        time.sleep(0.002)


if __name__ == "__main__":
    main()
