"""`antigrad train dpo` killed at any moment goes on to the same weights and rows."""

import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from antigrad.cli.main import main
from antigrad.core import RunFolder
from antigrad.core.checkpoints import Checkpoints
from helpers.commands import start

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
TIMES = ("runtime", "samples_per_second", "steps_per_second", "step_time")


def words(output: Path) -> list[str]:
    text = "train dpo --model tiny --tasks tiny_arithmetic(split=train) --credit shuffled(of=vpo) --answer-marker = "
    text += "--questions 8 --samples 6 --steps 6 --held-out 4 --pairs-a-step 4 --rows-at-once 2 --learning-rate 1e-4 "
    text += "--evaluate-every 3 --measure-every 2 --save-every 1 --max-new-tokens 40 --device cpu"
    return [*text.split(), "--output", str(output)]


def rows(run: RunFolder) -> list[dict]:
    return [{key: value for key, value in row.items() if not key.endswith(TIMES)} for row in run.ledger.rows()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    command = start(words(folder), folder.parent)
    assert command.wait() == 0, command.err.read_text()
    run = RunFolder.open(folder)
    assert [row["step"] for row in run.ledger.rows("train")] == [1, 2, 3, 4, 5, 6]
    return run


def same(run: RunFolder, whole: RunFolder) -> None:
    assert rows(run) == rows(whole)
    assert run.summary == whole.summary
    mine, theirs = (load_file(one.path / "checkpoints" / "policy" / "model.safetensors") for one in (run, whole))
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize("steps", [1, 4])
def test_killed_it_goes_on_to_the_same_result(whole: RunFolder, tmp_path: Path, steps: int) -> None:
    folder = tmp_path / "run"
    command = start(words(folder), tmp_path)

    def saved() -> bool:
        found = Checkpoints(folder / "checkpoints").last(say=lambda text: None)
        return found is not None and int(found.name.rpartition("-")[2]) >= steps

    command.until(saved)
    os.kill(command.pid, signal.SIGKILL)
    assert command.wait() == -signal.SIGKILL
    assert not (folder / "summary.json").exists()
    again = start([*words(folder), "--resume"], tmp_path)
    assert again.wait() == 0, again.err.read_text()
    same(RunFolder.open(folder), whole)


def test_a_finished_run_is_not_run_again(whole: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    before = rows(whole)
    assert main([*words(whole.path), "--resume"]) == 0
    assert rows(whole) == before
    assert main(words(whole.path)) == 1
    assert "already has a run" in capsys.readouterr().err
