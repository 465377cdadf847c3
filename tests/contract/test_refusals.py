"""What a job refuses leaves no run folder: an option that is mended then needs no other --output."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antigrad.cli.jobs import JOBS
from antigrad.cli.main import main
from antigrad.core import AntigradError
from antigrad.core.ledger import Ledger
from helpers import jobs
from helpers.commands_listed import ids
from helpers.models import save_model

DPO = "train dpo --model {model} --pairs {pairs} --steps 1 --held-out 0 --pairs-a-step 1 --rows-at-once 1 --device cpu"
GRPO = "train grpo --model tiny --tasks tiny_arithmetic(split=train) --questions 4 --held-out 0 --steps 1 --prompts 2 "
GRPO += "--rollouts 4 --rows-at-once 8 --device cpu"
COMPARE = "unlearn compare --seeds 1 --metrics accuracy(on=test) --cache false"
LATE = {
    "a rule without its column": ("reward_gap", "diagnose pairs --model {model} --pairs {pairs} --arms none,gap "
                                  "--orders false --device cpu"),
    "a rule without gold answers": ("no answer", "diagnose pairs --model {model} --pairs {pairs} --arms none,vpo "
                                    "--orders false --device cpu"),
    "a rule without gold answers, in training": ("no answer", f"{DPO} --credit vpo"),
    "more layers than there are": ("lower k", "unlearn --method cf_k(k=50) --reference false"),
    "more layers than there are, compared": ("lower k", f"{COMPARE} --methods cf_k(k=50)"),
    "a class that is not there": ("class 77", f"{COMPARE} --methods neg_grad --split classes(names=[77])"),
    "a recipe that diverges": ("lower the learning rate", f"{COMPARE} --methods neg_grad "
                               "--recipe retrain(epochs=1,learning_rate=1e9)"),
    "settings of a study": ("trap=5000", "lab run edge_trap --studies.edge_trap.trap 5000"),
    "a tracker that is none": ("tensorboard", f"{GRPO} --trl.report_to tensorbord"),
    "modules that are not there": ("nothing", f"{GRPO} --lora.target_modules [nothing]"),
    "a number that is none": ("neftune_noise_alpha", f"{GRPO} --trl.neftune_noise_alpha many"),
    "a rule for another task": ("nothing", f"{GRPO} --credit nothing"),
}  # fmt: skip


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("given")
    found = jobs.given(folder) | {"model": save_model(folder / "model"), "pairs": folder / "pairs.jsonl"}
    pairs = [{"prompt": f"{n}+1=", "chosen": str(n + 1), "rejected": str(n + 2)} for n in range(4)]
    found["pairs"].write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    return found


@pytest.mark.parametrize("name", LATE)
def test_refused_at_a_look_at_model_or_data(
    paths: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    said, command = LATE[name]
    argv = [word.format(**paths) for word in shlex.split(command)]
    assert main([*argv, "--output", str(tmp_path / "run")]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS, ids=ids)
def test_refused_while_it_computes(
    paths: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    job: Any,
) -> None:
    """Whatever refuses before there is a row: here the row itself."""
    name = " ".join(job.words)
    if name == "lab all":
        pytest.skip("the job of lab run")

    def refuse(self: Ledger, *_: object) -> None:
        raise AntigradError("a row", "nothing", "try again")

    monkeypatch.setattr(Ledger, "append", refuse)
    monkeypatch.setattr(Ledger, "extend", refuse)
    assert main(jobs.words(name, paths, tmp_path / "run")) == 1
    assert "a row" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Studies that are begun."""
    from antigrad.lab.run import job

    begun: list[str] = []
    run_study = job.run_study
    monkeypatch.setattr(
        job, "run_study", lambda study, **options: begun.append(study.name) or run_study(study, **options)
    )
    yield begun


def test_settings_of_one_study_are_refused_before_all_others_are_computed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], computed: list[str]
) -> None:
    argv = ["lab", "all", "--workers", "1", "--studies.squeezing.classes", "3", "--output", str(tmp_path / "run")]
    assert main(argv) == 1
    assert "classes=3" in capsys.readouterr().err
    assert computed == ["squeezing"]
    assert not (tmp_path / "run").exists()
