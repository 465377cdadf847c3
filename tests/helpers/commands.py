"""Commands in processes of their own that can be interrupted or killed, without importing torch each time."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

LIMIT = 120.0
PRELOADED = [
    "antigrad.cli.main",
    "antigrad.posttraining.diagnose.job",
    "antigrad.posttraining.train.grpo.trainer",
    "antigrad.report",
    "antigrad.unlearning.unlearn",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.llama.modeling_llama",
    "transformers.generation.utils",
]


@dataclass(frozen=True)
class Command:
    """A command that runs, and where it writes."""

    process: BaseProcess
    out: Path
    err: Path

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def wait(self) -> int:
        """Exit status; minus the signal that ended it."""
        self.process.join(LIMIT)
        assert self.process.exitcode is not None
        return self.process.exitcode

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something has happened, or the command has ended."""
        end = time.monotonic() + LIMIT
        while self.process.is_alive() and not condition():
            assert time.monotonic() < end
            time.sleep(0.001)


def start(argv: Sequence[str], folder: Path, typed: str = "") -> Command:
    """Start `antigrad` with arguments; what is typed stands on its standard input."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    out, err = folder / "out.txt", folder / "err.txt"
    keys = folder / "in.txt"
    keys.write_text(typed)
    process = context.Process(target=_run, args=(list(argv), keys, out, err), daemon=True)
    process.start()
    return Command(process, out, err)


def _run(argv: list[str], keys: Path, out: Path, err: Path) -> None:
    sys.stdin = keys.open()
    os.dup2(sys.stdin.fileno(), 0)
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, stream.fileno())
    # A shell that starts the tests in the background has them ignore Ctrl-C, and what they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    import torch

    from antigrad.cli.main import main

    torch.set_num_threads(1)
    sys.exit(main(argv))
