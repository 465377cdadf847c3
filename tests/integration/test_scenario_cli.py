"""`antigrad scenario` as a user runs it: on synthetic traffic, killed and resumed, with a planner that hangs."""

import json
import os
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from antigrad.cli.main import main
from antigrad.core.runs import RunFolder
from antigrad.scenarios.scenario.findings import jobs_of
from helpers.commands import start

SMALL = ["--synthetic", "3", "--agents", "8", "--iterations", "15", "--shown", "1"]


def test_with_hardly_any_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", *SMALL, "--output", str(tmp_path / "run")]) == 0
    told = capsys.readouterr().out
    hits = RunFolder.open(tmp_path / "run").summary["scenes_hit"]
    assert f"Can idm be brought into a collision? {'Yes' if hits else 'No: in none of the 3'}" in told
    assert "report.html" in told
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Driving scenarios" in page
    assert "How this attack differs from the presets" in page


def test_json_and_lists_of_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "run")
    assert main(["scenario", *SMALL, "--planner", "log_replay", "--without", "drift", "--output", out, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["scenes"] == 3
    assert figures == RunFolder.open(Path(out)).summary
    assert "drift" not in RunFolder.open(Path(out)).facts["config"]["recipe"]["steering"]


def test_mistakes_are_told_all_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["scenario", "--planner", "imd", "--preset", "regents_fix", "--output", str(tmp_path / "run")]
    assert main(argv) == 1
    told = capsys.readouterr().err
    assert "did you mean 'idm'" in told
    assert "did you mean 'regents_fixed'" in told
    assert not (tmp_path / "run").exists()


def test_killed_at_any_moment_it_resumes_to_the_same_rows(tmp_path: Path) -> None:
    argv = ["scenario", *SMALL, "--batch", "1", "--output"]
    assert main([*argv, str(tmp_path / "whole")]) == 0
    cut = tmp_path / "cut"
    command = start([*argv, str(cut)], tmp_path)
    ledger = cut / "ledger.jsonl"
    command.until(lambda: ledger.exists() and b'"piece"' in ledger.read_bytes())
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    assert main([*argv, str(cut), "--resume"]) == 0
    whole, again = (RunFolder.open(place) for place in (tmp_path / "whole", cut))
    assert jobs_of(again) == jobs_of(whole)
    assert again.summary == whole.summary


def test_a_planner_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "slow_planner.py").write_text("import time\n\n\ndef plan(ego, others, route):\n    time.sleep(100)\n")
    monkeypatch.chdir(tmp_path)
    few = ["--synthetic", "1", "--agents", "4", "--iterations", "2"]
    argv = ["scenario", *few, "--planner", "slow_planner:plan", "--deadline", "0.3", "--output", "run", "--json"]
    assert main(argv) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["scenes_where_planner_failed"] == figures["scenes"] == 1
    assert figures["scenes_hit"] == 0


needs_ray = [pytest.mark.slow, pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed")]


@pytest.mark.parametrize("engine", ["local", pytest.param("ray", marks=needs_ray)])
def test_two_workers_find_what_one_process_finds(tmp_path: Path, engine: str) -> None:
    argv = ["scenario", *SMALL, "--batch", "1", "--output"]
    assert main([*argv, str(tmp_path / "one")]) == 0
    assert main([*argv, str(tmp_path / "two"), "--engine", engine, "--workers", "2"]) == 0
    one, two = (sorted(jobs_of(RunFolder.open(tmp_path / name)), key=str) for name in ("one", "two"))
    assert one == two and len(one) > 2
    traces = [sorted((tmp_path / name / "artifacts" / "traces").iterdir()) for name in ("one", "two")]
    assert [path.name for path in traces[0]] == [path.name for path in traces[1]]
    for ours, theirs in zip(*traces, strict=True):
        first, second = load_file(ours), load_file(theirs)
        torch.testing.assert_close(second, first, rtol=0, atol=0, equal_nan=True)  # off the road: NaN before a record


def test_where_it_runs_is_checked_before_anything_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["scenario", "--engine", "rey", "--workers", "0", "--output", str(tmp_path / "run")]
    assert main(argv) == 1
    told = capsys.readouterr().err
    assert "did you mean 'ray'" in told and "workers=0" in told
