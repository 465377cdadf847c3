"""Trainings in rounds, killed at any moment, go on to the same answers, weights and rows."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from antigrad.core import RunFolder
from antigrad.core.checkpoints import Checkpoints
from helpers.commands import start

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
TIMES = ("runtime", "samples_per_second", "steps_per_second", "step_time")
COMMON = (
    "--model tiny --tasks tiny_arithmetic(split=train) --questions 8 --samples 6 --steps 7 --refresh 3 "
    "--rows-at-once 2 --learning-rate 3e-4 --save-every 1 --max-new-tokens 40 --held-out 2 --device cpu "
)
JOBS = {
    "dpo": "train dpo --credit shuffled(of=vpo) --answer-marker = --pairs-a-step 4 --evaluate-every 3 ",
    "bon": "train bon --answers-a-step 4 --lora.r 4 ",
    "rwr": "train rwr --answers-a-step 4 --beta 0.5 ",
}


def rows(run: RunFolder) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if not key.endswith(TIMES)} for row in run.ledger.rows()]


def words(job: str, output: Path) -> list[str]:
    return [*(JOBS[job] + COMMON).split(), "--output", str(output)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """The runs that nothing interrupted."""
    runs: dict[str, RunFolder] = {}
    for job in JOBS:
        folder = tmp_path_factory.mktemp(job) / "run"
        command = start(words(job, folder), folder.parent)
        assert command.wait() == 0, command.err.read_text()
        runs[job] = RunFolder.open(folder)
        assert [row["step"] for row in runs[job].ledger.rows("round")] == [0, 3, 6]
    return runs


def same(run: RunFolder, whole: RunFolder) -> None:
    assert rows(run) == rows(whole)
    assert run.summary == whole.summary
    kept = [sorted(one.artifact("rounds").iterdir()) for one in (run, whole)]
    assert [path.name for path in kept[0]] == [path.name for path in kept[1]]
    assert [path.read_text() for path in kept[0]] == [path.read_text() for path in kept[1]]
    found = [next((one.path / "checkpoints" / "policy").glob("*model.safetensors")) for one in (run, whole)]
    mine, theirs = map(load_file, found)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize(("job", "steps"), [("dpo", 1), ("dpo", 3), ("dpo", 5), ("bon", 4), ("rwr", 3), ("rwr", 4)])
def test_killed_it_goes_on_to_the_same_result(
    whole: dict[str, RunFolder], tmp_path: Path, job: str, steps: int
) -> None:
    folder = tmp_path / "run"
    command = start(words(job, folder), tmp_path)

    def saved() -> bool:
        found = Checkpoints(folder / "checkpoints").last(say=lambda _: None)
        return found is not None and int(found.name.rpartition("-")[2]) >= steps

    command.until(saved)
    os.kill(command.pid, signal.SIGKILL)
    assert command.wait() == -signal.SIGKILL
    assert not (folder / "summary.json").exists()
    again = start([*words(job, folder), "--resume"], tmp_path)
    assert again.wait() == 0, again.err.read_text()
    same(RunFolder.open(folder), whole[job])


def test_a_round_that_was_kept_without_its_row_is_read_back_and_its_row_written(
    whole: dict[str, RunFolder], tmp_path: Path
) -> None:
    """Killed between the file and the ledger, and with a round from behind the last checkpoint."""
    import shutil

    folder = tmp_path / "run"
    command = start(words("rwr", folder), tmp_path)
    command.until(lambda: (folder / "artifacts" / "rounds" / "round-00001.jsonl").exists())
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    later = folder / "artifacts" / "rounds" / "round-00002.jsonl"
    shutil.copy(folder / "artifacts" / "rounds" / "round-00000.jsonl", later)
    again = start([*words("rwr", folder), "--resume"], tmp_path)
    assert again.wait() == 0, again.err.read_text()
    same(RunFolder.open(folder), whole["rwr"])
