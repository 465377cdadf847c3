"""Every job that keeps checkpoints passes over damaged ones, says so, and comes to the result of an unharmed run."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from antigrad.cli.main import main
from antigrad.core import RunFolder
from antigrad.core.checkpoints import MANIFEST, Checkpoints
from antigrad.posttraining.certify import CertifyConfig, certify
from antigrad.posttraining.certify import job as certify_job
from antigrad.unlearning.checkpoint import EpochCheckpoints
from antigrad.unlearning.loop import unlearn
from antigrad.unlearning.methods import METHODS
from antigrad.unlearning.reference import key_of, retrained
from antigrad.unlearning.unlearn import UnlearnConfig, unlearn_job
from helpers.damage import OF_FILES, OF_FOLDERS, OF_JSON
from helpers.unlearning import context, same, state

pytestmark = pytest.mark.filterwarnings("ignore")  # other people's deprecations
TIMES = ("runtime", "samples_per_second", "steps_per_second", "step_time")
JOBS = {
    "tiny-policy": "train tiny-policy --steps 9 --every 3 --questions 2 --batch-size 4",
    "dpo": "train dpo --model tiny --tasks tiny_arithmetic(split=train) --credit vpo --answer-marker = --questions 6 "
    "--samples 4 --steps 3 --held-out 0 --pairs-a-step 2 --rows-at-once 2 --save-every 1 --max-new-tokens 40 "
    "--device cpu",
    "grpo": "train grpo --model tiny --tasks tiny_arithmetic(split=train) --credit nsr --questions 4 --held-out 0 "
    "--steps 3 --prompts 2 --rollouts 4 --rows-at-once 8 --save-every 1 --max-new-tokens 16 --device cpu",
}
WEIGHTS = {"tiny-policy": "training.pt", "dpo": "model.safetensors", "grpo": "antigrad_batch_0.safetensors"}
WAYS = OF_FILES | OF_FOLDERS | {f"manifest: {name}": damage for name, damage in OF_JSON.items()}


def rows(run: RunFolder) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if not key.endswith(TIMES)} for row in run.ledger.rows()]


@pytest.fixture(scope="module", params=JOBS)
def job(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, RunFolder]:
    """A finished run of each trainer; without its summary it is one that was killed at the very end."""
    folder = tmp_path_factory.mktemp(request.param) / "run"
    assert main([*JOBS[request.param].split(), "--output", str(folder)]) == 0
    return request.param, RunFolder.open(folder)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_the_checkpoint_before_is_found(job: tuple[str, RunFolder], tmp_path: Path, way: str) -> None:
    name, run = job
    shutil.copytree(run.path / "checkpoints", tmp_path / "checkpoints")
    checkpoints, heard = Checkpoints(tmp_path / "checkpoints"), list[str]()
    older, newest = checkpoints.found()
    file = "" if way in OF_FOLDERS else MANIFEST if way.startswith("manifest") else WEIGHTS[name]
    WAYS[way](newest / file)
    assert checkpoints.last(say=heard.append) == older
    assert len(heard) == 1 and str(newest) in heard[0]


@pytest.mark.slow
def test_every_file_of_it_counts(job: tuple[str, RunFolder], tmp_path: Path) -> None:
    _, run = job
    newest = Checkpoints(run.path / "checkpoints").found()[-1]
    files = [path.relative_to(newest) for path in newest.rglob("*") if path.is_file()]
    assert len(files) >= 2
    for number, file in enumerate(files):
        folder = tmp_path / str(number)
        shutil.copytree(run.path / "checkpoints", folder)
        OF_FILES["bit flipped"](folder / newest.name / file)
        last = Checkpoints(folder).last(say=lambda text: None)
        assert last is not None and last.name != newest.name, file


@pytest.mark.slow
@pytest.mark.parametrize("left", [1, 0])
def test_it_goes_on_from_there_to_the_same_result(
    job: tuple[str, RunFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str], left: int
) -> None:
    """From the one before, or where none is left, from the beginning."""
    name, whole = job
    shutil.copytree(
        whole.path, tmp_path / "run", ignore=shutil.ignore_patterns("summary.json", "policy", "report.html")
    )
    run = RunFolder.open(tmp_path / "run")
    for path in Checkpoints(run.path / "checkpoints").found()[left:]:
        OF_FILES["bit flipped"](path / WEIGHTS[name])
    assert main([*JOBS[name].split(), "--output", str(run.path), "--resume"]) == 0
    heard = capsys.readouterr().err
    assert "is passed over" in heard and ("resuming from checkpoint-" if left else "from the beginning") in heard
    assert rows(run) == rows(whole)
    mine, theirs = (load_file(one.path / "checkpoints" / "policy" / "model.safetensors") for one in (run, whole))
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


@pytest.mark.parametrize("way", WAYS)
def test_unlearning_goes_on_from_the_epoch_before(tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str) -> None:
    given, method = context(count=120), METHODS.make("neg_grad_plus(epochs=4,batch_size=60,stop=false)")
    whole = unlearn(method, given)
    notes: list[str] = []

    def killed(note: str) -> None:
        notes.append(note)
        if len(notes) == 3:
            raise KeyboardInterrupt

    kept = EpochCheckpoints(tmp_path / "kept")
    with pytest.raises(KeyboardInterrupt):
        unlearn(method, given, checkpoints=kept, on_epoch=killed)
    newest = tmp_path / "kept" / "checkpoint-3"
    WAYS[way](newest if way in OF_FOLDERS else newest / (MANIFEST if way.startswith("m") else "state.safetensors"))
    done = unlearn(method, given, checkpoints=kept, on_epoch=notes.append)
    assert same(state(done.model), state(whole.model)) and len(notes) == 3 + 2
    assert "checkpoint-3 is passed over" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
@pytest.mark.parametrize("way", [*OF_FILES, *(name for name in OF_JSON if name.startswith(("n", "a list")))])
def test_a_damaged_reference_is_trained_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str, suffix: str
) -> None:
    if suffix == ".json" and way in ("longer", "a link"):
        pytest.skip("the same facts are read: no damage")
    given, recipe = context(count=60), METHODS.make("retrain(epochs=1,batch_size=60)")
    first = retrained(given, recipe, cache=tmp_path / "c")
    assert retrained(given, recipe, cache=tmp_path / "c").cached
    assert sorted(path.suffix for path in (tmp_path / "c").iterdir()) == [".json", ".safetensors"]
    file = tmp_path / "c" / f"{key_of(given, recipe)}{suffix}"
    (OF_FILES | OF_JSON)[way](file)
    if file.is_dir():
        shutil.rmtree(file)  # nothing is ever removed that is no file of ours
    again = retrained(given, recipe, cache=tmp_path / "c")
    assert not again.cached
    assert "retraining again" in capsys.readouterr().err
    assert same(state(first.model), state(again.model))
    assert retrained(given, recipe, cache=tmp_path / "c").cached


def test_killed_writers_of_references_leave_nothing_for_long(tmp_path: Path) -> None:
    given, recipe = context(count=60), METHODS.make("retrain(epochs=1,batch_size=60)")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / ".reference.safetensors.ab12.partial").write_bytes(b"half")
    retrained(given, recipe, cache=tmp_path / "c")
    assert sorted(path.suffix for path in (tmp_path / "c").iterdir()) == [".json", ".safetensors"]


@pytest.mark.parametrize("name", ["01-unlearned", "01-retrained", "01-twin", "01-shadow-001"])
@pytest.mark.parametrize("way", ["truncated", "bit flipped", "missing", "another file"])
def test_a_damaged_model_of_an_unlearning_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, way: str
) -> None:
    monkeypatch.setenv("ANTIGRAD_CACHE", str(tmp_path / "cache"))
    config = UnlearnConfig(
        output=tmp_path / "run", method="neg_grad_plus(epochs=1)", recipe="retrain(epochs=1)", shadows=4, payers=0,
        metrics=["accuracy(on=forget)", "aus"],
    )  # fmt: skip
    run = unlearn_job(config)
    figures = run.summary
    file = run.artifact(f"models/{name}.safetensors")
    before = file.read_bytes()
    OF_FILES[way](file)
    (run.path / "summary.json").unlink()
    again = unlearn_job(replace(config, resume=True))
    assert "it is made again" in capsys.readouterr().err
    assert file.read_bytes() == before
    ours = {key: value for key, value in again.summary.items() if "seconds" not in key}
    assert ours == {key: value for key, value in figures.items() if "seconds" not in key}
    steps = [row["step"] for row in again.ledger.rows("certificate")]
    assert len(steps) == len(set(steps))


@pytest.mark.parametrize("way", OF_FILES)
def test_a_damaged_gradient_is_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    lines = [json.dumps({"prompt": f"{number}+1=", "response": str(number + 1)}) for number in range(4)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n")
    policy = tmp_path / "p"
    _moved_tiny(policy)
    config = CertifyConfig("tiny", str(policy), up=tmp_path / "rows.jsonl", output=tmp_path / "run", device="cpu")
    whole = certify(replace(config, output=tmp_path / "whole"))
    real: Callable[..., Any] = certify_job.take_sums
    monkeypatch.setattr(certify_job, "take_sums", None)
    with pytest.raises(TypeError):
        certify(config)
    monkeypatch.setattr(certify_job, "take_sums", real)
    file = tmp_path / "run" / "checkpoints" / "up-2.safetensors"
    OF_FILES[way](file)
    if file.is_dir():
        file.rmdir()  # nothing is ever removed that is no file of ours
    run = certify(replace(config, resume=True))
    assert "it is computed again" in capsys.readouterr().err
    assert run.summary == whole.summary
    assert run.artifact("page.json").read_bytes() == whole.artifact("page.json").read_bytes()


def _moved_tiny(folder: Path) -> None:
    from antigrad.language.policy import load_policy

    policy = load_policy("tiny", device="cpu")
    with torch.no_grad():
        for number, value in enumerate(policy.model.parameters()):
            value += 1e-3 * torch.randn(value.shape, generator=torch.Generator().manual_seed(number))
    policy.model.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)
