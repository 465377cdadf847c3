"""An evaluation that was killed or cut off at any byte goes on to the same rows, figures and page."""

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from antigrad.cli.main import main
from antigrad.core import AntigradError, InputValueError, RunFolder
from antigrad.posttraining.evaluate import EvaluateConfig, evaluate
from antigrad.posttraining.evaluate import job as wing
from helpers.commands import start
from helpers.evaluations import save_checkpoints
from helpers.models import save_model


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoints(tmp_path_factory.mktemp("resume"), questions=4)


@pytest.fixture(scope="module")
def config(place: Path) -> EvaluateConfig:
    return EvaluateConfig(
        model=[str(place / "broken"), str(place / "moved")], base=str(place / "base"), tasks=str(place / "q.jsonl"),
        questions=4, samples=12, max_new_tokens=6, device="cpu", resamples=200, output=place / "whole",
    )  # fmt: skip


@pytest.fixture
def command(config: EvaluateConfig, tmp_path: Path) -> list[str]:
    words = f"evaluate --model {','.join(config.model)} --base {config.base} --tasks {config.tasks} --questions 4 "
    words += f"--samples 12 --max-new-tokens 6 --device cpu --resamples 200 --output {tmp_path / 'run'}"
    return words.split()


@pytest.fixture(scope="module")
def whole(config: EvaluateConfig) -> RunFolder:
    """The run that nothing interrupted: base, a checkpoint that fails, one that does not."""
    run = evaluate(config)
    assert [row["kind"] for row in run.ledger.rows()] == ["model", *["answers"] * 4, "model", "model", *["answers"] * 4]
    return run


def ledger(folder: Path) -> bytes:
    path = folder / "ledger.jsonl"
    return path.read_bytes() if path.exists() else b""


def same_as(whole: RunFolder, folder: Path) -> None:
    assert ledger(folder) == ledger(whole.path)
    for name in ("summary.json", "artifacts/page.json"):
        assert (folder / name).read_bytes() == (whole.path / name).read_bytes()
    assert [path.name for path in folder.rglob(".*")] == []


@pytest.mark.parametrize("rows", [0, 2, 6, 8])
def test_a_killed_run_goes_on_to_the_same_rows(whole: RunFolder, command: list[str], tmp_path: Path, rows: int) -> None:
    folder = tmp_path / "run"
    running = start(command, tmp_path)
    running.until((folder / "run.yaml").exists)
    running.until(lambda: ledger(folder).count(b"\n") >= rows)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    left = ledger(folder)
    assert not (folder / "summary.json").exists()
    assert ledger(whole.path).startswith(left)
    assert rows <= left.count(b"\n") < len(whole.ledger.rows())
    assert main([*command, "--resume"]) == 0
    same_as(whole, folder)


def part_of(whole: RunFolder, folder: Path, size: int) -> bytes:
    folder.mkdir()
    shutil.copy(whole.path / "run.yaml", folder)
    data = ledger(whole.path)[:size]
    (folder / "ledger.jsonl").write_bytes(data)
    return data


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.8, 1.0])
def test_a_ledger_cut_at_any_byte_is_completed(
    whole: RunFolder, config: EvaluateConfig, tmp_path: Path, share: float
) -> None:
    part_of(whole, tmp_path / "run", round(share * len(ledger(whole.path))))
    evaluate(replace(config, output=tmp_path / "run", resume=True))
    same_as(whole, tmp_path / "run")


def test_what_is_done_is_not_asked_again_nor_its_model_loaded(
    whole: RunFolder, config: EvaluateConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ledger(whole.path).splitlines(keepends=True)
    part_of(whole, tmp_path / "run", len(b"".join(lines[:-1])))
    loaded, asked = list[str](), list[str]()
    load, sample = wing.load_any, wing.sample

    def loading(name: str, *args: object, **options: object) -> object:
        loaded.append(Path(name).name)
        return load(name, *args, **options)  # type: ignore

    def sampling(policy: object, task: object, question: object, **options: object) -> object:
        asked.append(getattr(question, "id", ""))
        return sample(policy, task, question, **options)  # type: ignore

    monkeypatch.setattr(wing, "load_any", loading)
    monkeypatch.setattr(wing, "sample", sampling)
    evaluate(replace(config, output=tmp_path / "run", resume=True))
    assert loaded == ["broken", "moved"]
    assert set(asked) == {whole.ledger.rows()[-1]["id"]}
    same_as(whole, tmp_path / "run")


def test_a_question_that_failed_is_asked_again_and_counted_once(
    whole: RunFolder, config: EvaluateConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*args: object, **options: object) -> None:
        raise InputValueError("no memory", "enough", "wait")

    again = replace(config, output=tmp_path / "run", resume=True)
    monkeypatch.setattr(wing, "sample", failing)
    with pytest.raises(AntigradError, match=r"every checkpoint failed.*no memory"):
        evaluate(again)
    monkeypatch.undo()
    assert not (tmp_path / "run" / "summary.json").exists()
    run = evaluate(again)
    done = [row for row in run.ledger.rows("answers") if row["status"] == "done"]
    assert [(row["model"], row["question"], row["verdicts"]) for row in done if row["model"] == config.base] == [
        (row["model"], row["question"], row["verdicts"])
        for row in whole.ledger.rows("answers")
        if row["model"] == config.base
    ]
    assert run.summary == whole.summary


def test_another_checkpoint_under_the_same_name_is_refused(
    place: Path, whole: RunFolder, config: EvaluateConfig, tmp_path: Path
) -> None:
    left = part_of(whole, tmp_path / "run", len(ledger(whole.path)) - 10)
    kept = tmp_path / "kept"
    shutil.copytree(place / "moved", kept)
    try:
        shutil.rmtree(place / "moved")
        save_model(place / "moved", seed=3)
        with pytest.raises(InputValueError, match="other weights or tokens"):
            evaluate(replace(config, output=tmp_path / "run", resume=True))
    finally:
        shutil.rmtree(place / "moved")
        shutil.copytree(kept, place / "moved")
    assert ledger(tmp_path / "run") == left
    evaluate(replace(config, output=tmp_path / "run", resume=True))
    same_as(whole, tmp_path / "run")


def test_other_questions_or_settings_are_refused_and_smaller_batches_are_not(
    whole: RunFolder, config: EvaluateConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part_of(whole, tmp_path / "run", len(ledger(whole.path)) // 2)
    again = replace(config, output=tmp_path / "run", resume=True)
    for change in ({"samples": 13}, {"temperature": 0.5}, {"seed": 1}, {"k": [1]}):
        with pytest.raises(InputValueError, match=next(iter(change))):
            evaluate(replace(again, **change))  # type: ignore[arg-type]
    path = Path(config.tasks)
    text = path.read_text()
    try:
        path.write_text(text.replace("+", "-"))
        with pytest.raises(InputValueError, match="as when this run began"):
            evaluate(again)
    finally:
        path.write_text(text)
    run = evaluate(replace(again, rows_at_once=5))
    assert [row["verdicts"] for row in run.ledger.rows("answers")] == [
        row["verdicts"] for row in whole.ledger.rows("answers")
    ]


def test_a_folder_that_has_a_run_is_refused_without_resume(whole: RunFolder, config: EvaluateConfig) -> None:
    with pytest.raises(AntigradError, match="already has a run"):
        evaluate(config)
