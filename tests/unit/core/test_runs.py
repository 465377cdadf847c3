"""Run folders: what is recorded, what is refused, and how an interrupted run goes on."""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
import yaml

from antigrad.core import AntigradError, InputValueError, RunFolder
from antigrad.core import runs as runs_module


@dataclass
class Config:
    """Settings of a job, with every kind of value a job has."""

    seed: int = 3
    rate: float = 1e-5
    limit: float = math.inf
    rules: tuple[str, ...] = ("none", "nthr(beta=0)")
    data: Path | None = Path("data/x.csv")
    output: str = "here"
    nested: dict[str, object] = field(default_factory=lambda: {"where": Path("a"), "list": [1, 2.5, None, "yes"]})


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.start(tmp_path / "runs" / "a", job="diagnose", config=Config())


def test_run_yaml_holds_job_config_versions_git_and_platform(run: RunFolder) -> None:
    facts = yaml.safe_load((run.path / "run.yaml").read_text())
    assert facts == run.facts
    assert facts["job"] == "diagnose"
    assert facts["config"]["seed"] == 3
    assert facts["config"]["data"] == "data/x.csv"
    assert facts["config"]["rules"] == ["none", "nthr(beta=0)"]
    assert facts["config"]["nested"] == {"where": "a", "list": [1, 2.5, None, "yes"]}
    assert facts["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert "antigrad" in facts["versions"]
    assert facts["git"] is None or len(facts["git"]) == 40
    assert {"started", "python", "platform"} <= set(facts)


def test_no_git_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert RunFolder.start(tmp_path / "a", job="j", config={}).facts["git"] is None


def test_an_existing_run_is_refused(run: RunFolder) -> None:
    before = (run.path / "run.yaml").read_bytes()
    with pytest.raises(AntigradError, match=r"already has a run.*--resume"):
        RunFolder.start(run.path, job="diagnose", config=Config())
    assert (run.path / "run.yaml").read_bytes() == before


def test_resume_goes_on_with_the_rows_and_the_record(run: RunFolder) -> None:
    run.ledger.append({"n": 1})
    before = (run.path / "run.yaml").read_bytes()
    again = RunFolder.start(run.path, job="diagnose", config=Config(), resume=True)
    assert again.ledger.rows() == [{"n": 1}]
    assert (run.path / "run.yaml").read_bytes() == before


def test_resume_without_a_run_starts_one(tmp_path: Path) -> None:
    assert RunFolder.start(tmp_path / "b", job="j", config={"x": 1}, resume=True).facts["config"] == {"x": 1}


def test_resume_with_another_config_names_every_difference(run: RunFolder) -> None:
    other = Config(seed=4, rate=2e-5, limit=1.0, rules=("none",), output="there")
    with pytest.raises(InputValueError) as caught:
        RunFolder.start(run.path, job="diagnose", config=other, resume=True, free=["output"])
    message = str(caught.value)
    for part in ("seed: 3 then, 4 now", "rate: 1e-05 then, 2e-05 now", "limit: inf then, 1.0 now", "rules:"):
        assert part in message
    assert "output" not in caught.value.given
    assert "data:" not in message


def test_keys_that_came_or_went_are_differences(run: RunFolder) -> None:
    settings = runs_module._plain(Config())
    del settings["seed"]
    with pytest.raises(InputValueError, match=r"extra: None then, 1 now; seed: 3 then, None now"):
        RunFolder.start(run.path, job="diagnose", config=settings | {"extra": 1}, resume=True)


def test_free_keys_may_differ(run: RunFolder) -> None:
    RunFolder.start(run.path, job="diagnose", config=Config(output="there"), resume=True, free=["output"])


def test_resume_of_another_job_is_refused(run: RunFolder) -> None:
    with pytest.raises(InputValueError, match=r"a run of 'diagnose'.*a run of 'train'"):
        RunFolder.start(run.path, job="train", config=Config(), resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_with_other_things_is_refused(tmp_path: Path, resume: bool) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(AntigradError, match="not empty and is no run"):
        RunFolder.start(tmp_path, job="j", config={}, resume=resume)
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_killed_while_it_was_started_can_be_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Stands for a signal no handler sees."""

    def killed(handle: int) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)
        patch.setattr(Path, "unlink", lambda *args, **kwargs: None)  # nothing is cleaned up after kill -9
        with pytest.raises(Killed):
            RunFolder.start(tmp_path / "a", job="j", config={})
    left = sorted(item.name for item in (tmp_path / "a").iterdir())
    assert left[:2] == [".lock", ".lock.owner"] and len(left) == 3 and left[2].startswith(".run.yaml.")
    assert RunFolder.start(tmp_path / "a", job="j", config={}, resume=True).facts["job"] == "j"


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(AntigradError, match="choose another"):
        RunFolder.start(tmp_path / "a", job="j", config={})


def test_open(run: RunFolder, tmp_path: Path) -> None:
    assert RunFolder.open(run.path).facts["job"] == "diagnose"
    with pytest.raises(InputValueError, match="a run folder"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize("text", ["a: [1", "just text", "job: diagnose", "config: 3"])
def test_a_damaged_record_is_named(run: RunFolder, text: str) -> None:
    (run.path / "run.yaml").write_text(text)
    with pytest.raises(InputValueError, match=r"(?s)run.yaml.*restore the file"):
        _ = run.facts


def test_artifacts_round_trip_and_stay_inside(run: RunFolder) -> None:
    value = {"a": [1.5, math.inf], "text": "✓"}
    assert run.write_json("maps/one.json", value) == run.artifact("maps/one.json")
    assert run.read_json("maps/one.json") == value
    for name in ("../run.yaml", "/tmp/x", "maps/../../../x"):
        with pytest.raises(InputValueError, match="artifact name"):
            run.write_json(name, {})


def test_missing_and_damaged_artifacts_are_named(run: RunFolder) -> None:
    with pytest.raises(InputValueError, match=r"one.json.*--resume"):
        run.read_json("one.json")
    run.write_json("one.json", {}).write_text("{")
    with pytest.raises(InputValueError, match=r"one\.json"):
        run.read_json("one.json")


def test_summary_is_flat(run: RunFolder) -> None:
    assert run.summary == {}
    run.write_summary({"accuracy": torch.tensor(0.5), "n": 3, "worst": -math.inf, "name": "x", "none": None})
    assert run.summary == {"accuracy": 0.5, "n": 3, "worst": -math.inf, "name": "x", "none": None}
    with pytest.raises(InputValueError, match=r"nested summary figures \['a', 'b'\]"):
        run.write_summary({"a": [1], "b": {"c": 1}, "d": 1})  # type: ignore[dict-item]
    assert run.summary["n"] == 3


def test_a_damaged_summary_is_a_clear_error(run: RunFolder) -> None:
    (run.path / "summary.json").write_text("{")
    with pytest.raises(InputValueError, match="summary"):
        _ = run.summary


@pytest.mark.parametrize("empty", [False, True])
def test_a_run_that_is_refused_after_it_began_leaves_the_place_as_it_was(tmp_path: Path, empty: bool) -> None:
    place = tmp_path / "deep" / "run" if not empty else tmp_path / "run"
    if empty:
        place.mkdir()
    run = RunFolder.start(place, job="demo", config={"seed": 1})
    run.write_json("pairs/a.json", {"a": 1})
    run.discard()
    assert place.exists() == empty
    assert not empty or not any(place.iterdir())
    again = RunFolder.start(place, job="demo", config={"seed": 2})  # nothing is held, nothing is in the way
    again.ledger.append({"kind": "step"})
    again.release()
    resumed = RunFolder.start(place, job="demo", config={"seed": 2}, resume=True)
    resumed.discard()  # it did not begin this run
    assert resumed.ledger.rows("step")


@pytest.mark.parametrize(
    ("row", "checkpoint", "stays"),
    [(None, False, False), ("setup", False, False), ("step", False, True), (None, True, True)],
)
def test_what_is_refused_before_a_result_leaves_no_run(
    tmp_path: Path, row: str | None, checkpoint: bool, stays: bool
) -> None:
    run = RunFolder.start(tmp_path / "run", job="demo", config={"seed": 1})
    if row is not None:
        run.ledger.append({"kind": row})
    if checkpoint:
        (run.path / "checkpoints" / "checkpoint-1").mkdir(parents=True)
    with pytest.raises(AntigradError, match="refused"), run.refusals():
        raise AntigradError("refused", "something else", "do it")
    assert (tmp_path / "run").exists() == stays


def test_a_fault_of_the_program_and_an_interruption_leave_the_run(tmp_path: Path) -> None:
    for error in (RuntimeError, KeyboardInterrupt):
        run = RunFolder.start(tmp_path / error.__name__, job="demo", config={"seed": 1})
        with pytest.raises(error), run.refusals():
            raise error
        assert (run.path / "run.yaml").exists()


def test_a_run_that_another_began_stays_when_its_resumption_is_refused(tmp_path: Path) -> None:
    RunFolder.start(tmp_path / "run", job="demo", config={"seed": 1}).release()
    run = RunFolder.start(tmp_path / "run", job="demo", config={"seed": 1}, resume=True)
    with pytest.raises(AntigradError), run.refusals():
        raise AntigradError("refused", "something else", "do it")
    assert (tmp_path / "run" / "run.yaml").exists()
