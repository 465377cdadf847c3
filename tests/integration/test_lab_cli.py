"""The laboratory as a user runs it: list, one study, a file, all of them, resume, refusals."""

import json
from pathlib import Path

import pytest
import yaml

from antigrad.cli.main import main
from antigrad.core.runs import RunFolder
from antigrad.lab.run import LabConfig, job, lab, settings
from antigrad.lab.study import Study, load, names

QUICK = ("displacement", "kl_directions", "squeezing")


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in names())
    assert main(["lab", "list", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == names()


def test_one_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jinja2", reason="the extra `report` is not installed")
    folder = tmp_path / "run"
    assert main(["lab", "run", "displacement", "--output", str(folder)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Claim (Deng et al. 2025" in said and "Agrees in part: 13 comparisons speak for it, 3 against it" in said
    run = RunFolder.open(folder)
    (row,) = run.ledger.rows("study")
    assert row["study"] == "displacement" and "Agrees in part." in row["verdict"] and row["tier"] in row["verdict"]
    assert run.summary["displacement/GRPO@0.98/action=0"] == pytest.approx(-0.0059, abs=1e-4)
    assert run.facts["config"]["studies"]["displacement"]["cosines"] == [0.98, 0.9, 0.0]
    page = (folder / "report.html").read_text()
    assert page.index("Claim (Deng et al. 2025") < page.index("Agrees in part: 13") < page.index("<section")
    assert main(["lab", "run", "displacement", "--output", str(folder)]) == 1
    assert "already has a run" in capsys.readouterr().err
    assert main(["lab", "run", "displacement", "--output", str(folder), "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["displacement/finding"] == "mixed"


def test_flags_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("study: squeezing\nsettings: {steps: 10, seeds: [3], cosines: [0.0]}\n")
    assert main(["lab", "run", str(mine), "--output", str(tmp_path / "a"), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["lab", "run", "--study", str(mine), "--output", str(tmp_path / "b"), "--seed", "1", "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    key = "mine/mode/valley/rho=0/weight=1"
    assert first.keys() == second.keys() and first[key] != second[key]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["run", "displacment"], "did you mean 'displacement'"),
        (["run", "displacement", "--workers", "0", "--seed", "-1"], "2 problems"),
        (["run", "displacement", "--fulll"], "did you mean 'full'"),
        (["run", "missing.yaml"], "missing.yaml"),
    ],
)
def test_refusals(argv: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", *argv, "--output", str(tmp_path / "run")]) == 1
    assert says in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_all_at_once_is_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes give the same figures as none; the page has a verdict for each study."""
    monkeypatch.setattr(settings, "names", lambda: list(QUICK))
    one, two = (lab(LabConfig("all", tmp_path / str(n), workers=n)) for n in (1, 2))
    drop = {f"{name}/seconds" for name in QUICK}
    assert {k: v for k, v in one.summary.items() if k not in drop} == {
        k: v for k, v in two.summary.items() if k not in drop
    }
    page = two.read_json("page.json")
    assert [s["title"] for s in page["sections"] if s["kind"] == "cards"] == [load(name).title for name in QUICK]
    assert page["sections"][0]["title"] == "All studies" and "3 studies" in page["verdict"]["answer"]


def test_the_record_of_a_run_repeats_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the page offers to be saved as a YAML file, settings of studies and numbers as keys included."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "study: on_policy\nsettings: {steps: 60, keep: [0, 20], compare_at: 50, levels: {70: [0.05, 0.1]}}\n"
    )
    assert main(["lab", "run", str(mine), "--seed", "2", "--output", str(tmp_path / "a"), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    config = RunFolder.open(tmp_path / "a").facts["config"]
    assert config["studies"]["mine"]["levels"] == {"70": [0.05, 0.1], "20": [0.6, 0.9]}
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(config))
    words = ["lab", "run", "--config", str(tmp_path / "again.yaml"), "--output", str(tmp_path / "b"), "--json"]
    assert main(words) == 0
    second = json.loads(capsys.readouterr().out)
    assert {k: v for k, v in first.items() if "seconds" not in k} == {
        k: v for k, v in second.items() if "seconds" not in k
    }


def test_resume_keeps_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "names", lambda: list(QUICK))
    computed, compute = list[str](), job.compute

    def interrupted(study: Study, full: bool, seed: int) -> job.Done:
        if study.name == QUICK[1] and computed == [QUICK[0]]:
            computed.append("interrupted")
            raise KeyboardInterrupt
        computed.append(study.name)
        return compute(study, full, seed)

    monkeypatch.setattr(job, "compute", interrupted)
    config = LabConfig("all", tmp_path / "run", workers=1)
    with pytest.raises(KeyboardInterrupt):
        lab(config)
    assert not RunFolder.open(config.folder).summary
    run = lab(LabConfig("all", tmp_path / "run", workers=1, resume=True))
    assert computed == [QUICK[0], "interrupted", *QUICK[1:]]
    assert {row["study"] for row in run.ledger.rows("study")} == set(QUICK) and run.summary


def test_default_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("study: squeezing\n")
    assert LabConfig("on_policy").folder == Path("runs/lab-on_policy")
    assert LabConfig(str(tmp_path / "mine.yaml")).folder == Path("runs/lab-mine")
