"""`antigrad certify` as a user runs it, on the shipped tiny policy and a few real optimizer steps away from it."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from antigrad.cli.main import main
from antigrad.core import RunFolder
from helpers.certify_runs import PARTS, tiny_after, tiny_data
from helpers.commands import start
from helpers.models import save_model


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certify-cli")
    data = tiny_data(folder)
    tiny_after(folder / "after", data, {"up": 1.0, "down": -0.3})
    save_model(folder / "other")
    return folder


@pytest.fixture
def command(place: Path, tmp_path: Path) -> list[str]:
    words = ["certify", "tiny", str(place / "after")]
    for part in PARTS:
        words += [f"--{part}", str(place / f"{part}.jsonl")]
    return [*words, "--device", "cpu", "--rows-at-once", "4", "--output", str(tmp_path / "run")]


@pytest.fixture(scope="module")
def whole(place: Path) -> RunFolder:
    words = ["certify", "--before", "tiny", "--after", str(place / "after")]
    for part in PARTS:
        words += [f"--{part}", str(place / f"{part}.jsonl")]
    assert main([*words, "--device", "cpu", "--rows_at_once", "4", "--output", str(place / "whole")]) == 0
    return RunFolder.open(place / "whole")


def same(run: Path, whole: RunFolder) -> None:
    for name in ("ledger.jsonl", "summary.json", "artifacts/page.json"):
        assert (run / name).read_bytes() == (whole.path / name).read_bytes()


def test_names_may_stand_without_flags_and_the_run_is_the_same(
    whole: RunFolder, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 0
    run = tmp_path / "run"
    out = capsys.readouterr().out.splitlines()
    assert out[-2:] == [f"run folder: {run}", f"report: {(run / 'report.html').as_uri()}"]
    assert {path.name for path in run.iterdir()} == {
        "run.yaml",
        "ledger.jsonl",
        "summary.json",
        "artifacts",
        "report.html",
    }
    same(run, whole)
    page = (run / "report.html").read_text()
    for title in ("What the move did to each part", "Each layer and part", "Worst layers", "The ladder of κ"):
        assert title in page


def test_the_figures_say_what_the_move_was_made_for(whole: RunFolder) -> None:
    figures = whole.summary
    assert figures["drop_measured/up"] > 0.003
    assert figures["drop_measured/down"] > 0.003
    # Sixteen rows differ too much to say so of others, whatever random signs promise.
    assert figures["effective/up"] == figures["effective/sum"] == "unresolved"
    assert 0 < figures["t/up"] < 3 < 100 < figures["z/up"]
    assert 0 < figures["drop_t/up"] < 3
    assert 0 < figures["cos/up"] < 1
    assert figures["kappa/up"] <= figures["kappa_layer/up"]
    assert figures["data_role"] == "unknown"
    assert figures["moved"] == 47


def test_the_way_back_is_ascent(
    command: list[str], place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from antigrad.language.tiny import WEIGHTS

    (tmp_path / "start").mkdir()
    for path in WEIGHTS.iterdir():
        name = path.name
        source = (
            path
            if not name.endswith((".safetensors", "config.json")) or name.startswith("tok")
            else place / "after" / name
        )
        (tmp_path / "start" / name).write_bytes(source.read_bytes())
    back = [command[0], str(tmp_path / "start"), "tiny", *command[3:], "--json"]
    capsys.readouterr()
    assert main(back) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["drop_measured/up"] < -0.003
    assert figures["drop_measured/down"] < -0.003


def test_pairs_give_what_two_files_give(whole: RunFolder, command: list[str], place: Path, tmp_path: Path) -> None:
    words = [word for word in command if "up" not in word and "down" not in word]
    assert main([*words, "--pairs", str(place / "prefs.jsonl")]) == 0
    figures = RunFolder.open(tmp_path / "run").summary
    assert figures["cos/down"] == whole.summary["cos/down"]
    assert figures["loss_after/up"] == whole.summary["loss_after/up"]


@pytest.mark.parametrize("rows", [0, 1, 3, 6, 9, 12, 14, 16])
def test_a_killed_run_goes_on_to_the_same_figures(
    whole: RunFolder, command: list[str], tmp_path: Path, rows: int
) -> None:
    process = start(command, tmp_path)
    ledger = tmp_path / "run" / "ledger.jsonl"
    process.until(lambda: ledger.exists() and ledger.read_bytes().count(b"\n") >= rows)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() in (-signal.SIGKILL, 0)
    if not (tmp_path / "run").exists():
        return
    again = start([*command, "--resume"], tmp_path)
    assert again.wait() == 0, again.err.read_text()
    same(tmp_path / "run", whole)
    assert not (tmp_path / "run" / "checkpoints").exists()


def other_rows(folder: Path) -> list[str]:
    (folder / "bad.jsonl").write_text('{"prompt": "1=", "response": "1"}\n{"prompt": "1="}\n{broken\n')
    return ["--up", str(folder / "bad.jsonl")]


BAD: dict[str, tuple[Callable[[Path, Path], list[str]], list[str]]] = {
    "another architecture": (
        lambda place, folder: ["--after", str(place / "other")],
        ["as a fine-tune of tiny", "has shape", "lm_head.weight is in the model after only"],
    ),
    "the same model": (lambda place, folder: ["--after", "tiny"], ["before and after are both 'tiny'"]),
    "no such model": (lambda place, folder: ["--after", str(folder / "no")], ["no such folder"]),
    "bad rows": (lambda place, folder: other_rows(folder), ["bad.jsonl line 2", "bad.jsonl line 3"]),
    "pairs and up": (lambda place, folder: ["--pairs", str(place / "prefs.jsonl")], ["pairs gives up already"]),
    "unknown role": (lambda place, folder: ["--data_role", "trainig"], ["did you mean 'training'?"]),
    "unknown option": (lambda place, folder: ["--retain", "x"], ["unknown option --retain"]),
    "a third word": (lambda place, folder: ["third"], ["unexpected 'third'", "before, after"]),
    "no data": (
        lambda place, folder: ["--up", "null", "--down", "null", "--anchor", "null"],
        ["no data: give at least one"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_error_and_leaves_nothing(
    case: str,
    place: Path,
    command: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    make, expected = BAD[case]
    more = make(place, tmp_path)
    if more[0] == "--after":
        command[2:3] = []
    capsys.readouterr()
    assert main([*command, *more]) == 1
    said: Any = capsys.readouterr()
    assert said.out == ""
    for text in expected:
        assert text in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "run").exists()


def test_a_setting_given_twice_is_an_error(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--after", "x"]) == 1
    assert "after is given twice" in capsys.readouterr().err
