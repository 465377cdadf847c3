"""`antigrad train grpo` killed at any moment goes on to the same weights and rows."""

import os
import shutil
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
    """Two updates per batch, so that step 3 is in the middle of one, and 5 in the second epoch; the rule resamples."""
    text = "train grpo --model tiny --tasks tiny_arithmetic(split=train) --credit nthr(anchor=others) --questions 8 "
    text += "--held-out 4 --steps 6 --prompts 4 --rollouts 4 --updates 2 --rows-at-once 8 --learning-rate 1e-3 "
    text += "--save-every 1 --evaluate-every 3 --measure-every 2 --resample 1 --max-new-tokens 24 --device cpu "
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


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_killed_it_goes_on_to_the_same_result(whole: RunFolder, tmp_path: Path, steps: int) -> None:
    """Killed as soon as a checkpoint stands, most often while the next step is made or half written."""
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
    run = RunFolder.open(folder)
    assert rows(run) == rows(whole)
    assert run.summary == whole.summary
    mine, theirs = (load_file(one.path / "checkpoints" / "policy" / "model.safetensors") for one in (run, whole))
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_killed_before_the_first_checkpoint_it_begins_anew(whole: RunFolder, tmp_path: Path) -> None:
    """With the evaluation at the start, which draws too."""
    shutil.copytree(whole.path, tmp_path / "run", ignore=shutil.ignore_patterns("summary.json", "checkpoints"))
    assert main([*words(tmp_path / "run"), "--resume"]) == 0
    run = RunFolder.open(tmp_path / "run")
    assert rows(run) == rows(whole)


def test_certificates_of_steps_that_are_made_again_are_forgotten(tmp_path: Path) -> None:
    certified = ["--certify-every", "1", "--evaluate-every", "0", "--steps", "4"]
    assert main([*words(tmp_path / "run"), *certified]) == 0
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "checkpoint-4")
    (tmp_path / "run" / "summary.json").unlink()
    assert main([*words(tmp_path / "run"), *certified, "--resume"]) == 0
    steps = [row["step"] for row in RunFolder.open(tmp_path / "run" / "certificate").ledger.rows()]
    assert steps == sorted(set(steps))
    assert steps[-1] >= 3


def test_a_finished_run_is_not_run_again(whole: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    before = whole.ledger.path.read_bytes()
    assert main([*words(whole.path), "--resume"]) == 0
    assert whole.ledger.path.read_bytes() == before
    assert main(words(whole.path)) == 1
    assert "already has a run" in capsys.readouterr().err
