"""A preflight that was killed, interrupted or cut off at any byte goes on to the same rows, bit for bit."""

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from antigrad.cli.main import main
from antigrad.core import AntigradError, InputValueError, RunFolder
from antigrad.core.streams import seeded
from antigrad.posttraining.diagnose import DiagnoseConfig, diagnose
from antigrad.posttraining.diagnose import job as wing
from helpers.commands import Command, start
from helpers.models import save_model, save_questions


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    save_model(folder / "model")
    save_questions(folder / "q.jsonl", 5)
    return folder


@pytest.fixture
def command(place: Path, tmp_path: Path) -> list[str]:
    words = f"diagnose --model {place / 'model'} --tasks {place / 'q.jsonl'} --questions 5 --max-new-tokens 6 "
    words += "--arms none,positives_only,random(eta=0,anchor=others) --step-sizes 1e-3,3e-3 --device cpu "
    return f"{words} --output {tmp_path / 'run'}".split()


@pytest.fixture(scope="module")
def config(place: Path) -> DiagnoseConfig:
    return DiagnoseConfig(
        model=str(place / "model"),
        tasks=str(place / "q.jsonl"),
        questions=5,
        arms=["none", "positives_only", "random(eta=0,anchor=others)"],
        step_sizes=[1e-3, 3e-3],
        max_new_tokens=6,
        device="cpu",
        output=place / "whole",
    )


@pytest.fixture(scope="module")
def whole(config: DiagnoseConfig) -> RunFolder:
    """The run that nothing interrupted."""
    run = diagnose(config)
    rows = run.ledger.rows()
    assert len(rows) == 5 + 6 * run.summary["mixed"]
    assert run.summary["mixed"] >= 3
    return run


def ledger(folder: Path) -> bytes:
    path = folder / "ledger.jsonl"
    return path.read_bytes() if path.exists() else b""


def same_as(whole: RunFolder, folder: Path) -> None:
    assert ledger(folder) == ledger(whole.path)
    for name in ("summary.json", "artifacts/page.json"):
        assert (folder / name).read_bytes() == (whole.path / name).read_bytes()
    assert [path.name for path in folder.rglob(".*")] == []


def wait_for_rows(command: Command, folder: Path, count: int) -> None:
    command.until(lambda: ledger(folder).count(b"\n") >= count)


@pytest.mark.parametrize("rows", [0, 1, 4, 15])
def test_a_killed_run_goes_on_to_the_same_rows(whole: RunFolder, command: list[str], tmp_path: Path, rows: int) -> None:
    folder = tmp_path / "run"
    running = start(command, tmp_path)
    running.until((folder / "run.yaml").exists)
    wait_for_rows(running, folder, rows)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    left = ledger(folder)
    assert not (folder / "summary.json").exists()
    assert ledger(whole.path).startswith(left)
    assert rows <= left.count(b"\n") < len(whole.ledger.rows())
    assert main([*command, "--resume"]) == 0
    same_as(whole, folder)
    assert (folder / "report.html").stat().st_size > 10_000


def test_a_run_killed_twice_goes_on_twice(whole: RunFolder, command: list[str], tmp_path: Path) -> None:
    folder, ended = tmp_path / "run", []
    for rows in (3, 12):
        running = start([*command, "--resume"], tmp_path)
        wait_for_rows(running, folder, rows)
        os.kill(running.pid, signal.SIGKILL)
        ended.append(running.wait())
    assert ended == [-signal.SIGKILL] * 2
    assert main([*command, "--resume"]) == 0
    same_as(whole, folder)


@pytest.mark.parametrize("rows", [0, 8])
def test_ctrl_c_ends_with_one_clear_line_and_goes_on(
    whole: RunFolder, command: list[str], tmp_path: Path, rows: int
) -> None:
    folder = tmp_path / "run"
    running = start(command, tmp_path)
    running.until((folder / "run.yaml").exists)
    wait_for_rows(running, folder, rows)
    os.kill(running.pid, signal.SIGINT)
    assert running.wait() == 130
    said = running.err.read_text().splitlines()
    assert said[-1] == "interrupted; the same command with --resume resumes from here"
    assert "Traceback" not in running.err.read_text()
    assert running.out.read_text() == ""
    assert main([*command, "--resume"]) == 0
    same_as(whole, folder)


def first_row(data: bytes) -> int:
    return data.index(b"\n") + 1


CUTS: dict[str, Callable[[bytes], int]] = {
    "nothing": lambda data: 0,
    "half of the first question": lambda data: first_row(data) // 2,
    "its last byte missing": lambda data: first_row(data) - 1,
    "one question and no update": first_row,
    "half of an update": lambda data: first_row(data) + 100,
    "half of all": lambda data: len(data) // 2,
    "the last byte missing": lambda data: len(data) - 1,
    "all rows": len,
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_ledger_cut_at_any_byte_is_completed(
    whole: RunFolder, config: DiagnoseConfig, tmp_path: Path, cut: str
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(whole.path / "run.yaml", folder)
    data = ledger(whole.path)
    (folder / "ledger.jsonl").write_bytes(data[: CUTS[cut](data)])
    diagnose(replace(config, output=folder, resume=True))
    same_as(whole, folder)


def test_a_question_that_is_done_is_not_asked_again(
    whole: RunFolder, config: DiagnoseConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(whole.path / "run.yaml", folder)
    lines = ledger(whole.path).splitlines(keepends=True)
    (folder / "ledger.jsonl").write_bytes(b"".join(lines[:-1]))
    asked: list[str] = []
    sample = wing.sample

    def sampling(policy: object, task: object, question: object, **options: object) -> object:
        asked.append(getattr(question, "id", ""))
        return sample(policy, task, question, **options)  # type: ignore

    monkeypatch.setattr(wing, "sample", sampling)
    diagnose(replace(config, output=folder, resume=True))
    last = whole.ledger.rows("question")[whole.ledger.rows()[-1]["question"]]
    assert set(asked) == {last["id"]}
    same_as(whole, folder)


def half_done(whole: RunFolder, folder: Path, rows: int) -> bytes:
    folder.mkdir()
    shutil.copy(whole.path / "run.yaml", folder)
    data = b"".join(ledger(whole.path).splitlines(keepends=True)[:rows])
    (folder / "ledger.jsonl").write_bytes(data)
    return data


def test_a_question_that_failed_is_asked_again_and_counted_once(
    whole: RunFolder, config: DiagnoseConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, again = tmp_path / "run", replace(config, output=tmp_path / "run", resume=True)

    def failing(*args: object, **options: object) -> None:
        raise InputValueError("no memory", "enough", "wait")

    monkeypatch.setattr(wing, "sample", failing)
    with pytest.raises(AntigradError, match=r"all 5 questions failed.*no memory"):
        diagnose(again)
    monkeypatch.undo()
    assert not (folder / "summary.json").exists()
    rows = RunFolder.open(folder).ledger.rows()
    assert [row["status"] for row in rows] == ["failed"] * 5
    run = diagnose(again)
    assert run.ledger.rows()[5:] == whole.ledger.rows()
    assert run.summary == whole.summary
    assert run.read_json("page.json") == whole.read_json("page.json")


def test_a_question_that_fails_only_now_stops_the_run_and_keeps_its_rows(
    whole: RunFolder, config: DiagnoseConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    left = half_done(whole, folder, 3)
    assert whole.ledger.rows()[0]["status"] == "mixed"

    def failing(*args: object, **options: object) -> None:
        raise InputValueError("no memory", "enough", "wait")

    with monkeypatch.context() as patch, pytest.raises(InputValueError, match="no memory"):
        patch.setattr(wing, "sample", failing)
        diagnose(replace(config, output=folder, resume=True))
    assert ledger(folder) == left
    diagnose(replace(config, output=folder, resume=True))
    same_as(whole, folder)


def test_other_answers_than_before_are_refused(
    whole: RunFolder, config: DiagnoseConfig, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    left = half_done(whole, folder, 3)
    monkeypatch.setattr(wing, "seeded", lambda *key: seeded("another stream", *key))
    with pytest.raises(InputValueError, match="other answers than when this run began"):
        diagnose(replace(config, output=folder, resume=True))
    assert ledger(folder) == left


def test_resume_without_a_run_begins_one(whole: RunFolder, config: DiagnoseConfig, tmp_path: Path) -> None:
    diagnose(replace(config, output=tmp_path / "new", resume=True))
    same_as(whole, tmp_path / "new")


def test_a_folder_that_has_a_run_is_refused_without_resume(
    whole: RunFolder, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole.path, tmp_path / "run")
    assert main(command) == 1
    assert "already has a run" in capsys.readouterr().err
    same_as(whole, tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--seed", "7"], "seed: 0 then, 7 now"),
        (["--arms", "none"], "arms: "),
        (["--rollouts", "4"], "rollouts: 8 then, 4 now"),
        (["--temperature", "0.5"], "temperature: 1.0 then, 0.5 now"),
    ],
)
def test_other_settings_are_refused_on_resume(
    whole: RunFolder,
    command: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: list[str],
    said: str,
) -> None:
    shutil.copytree(whole.path, tmp_path / "run")
    assert main([*command, *change, "--resume"]) == 1
    assert said in capsys.readouterr().err
    same_as(whole, tmp_path / "run")


def test_questions_that_changed_since_are_refused_on_resume(
    whole: RunFolder, place: Path, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    path = tmp_path / "q.jsonl"
    shutil.copy(place / "q.jsonl", path)
    command[command.index("--tasks") + 1] = str(path)
    record = (whole.path / "run.yaml").read_text().replace(str(place / "q.jsonl"), str(path))
    (folder / "run.yaml").write_text(record)
    half = ledger(whole.path)[: CUTS["half of all"](ledger(whole.path))]
    (folder / "ledger.jsonl").write_bytes(half)
    path.write_text(path.read_text().replace("+", "-"))
    assert main([*command, "--resume"]) == 1
    said = capsys.readouterr().err
    assert "as when this run began" in said
    assert "Traceback" not in said
    assert ledger(folder) == half
