"""`antigrad lab simulate`, objectives and studies of your own, as a user runs them."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from antigrad.cli.main import main
from antigrad.core.runs import RunFolder
from antigrad.lab.export import COLUMNS
from antigrad.lab.simulation import SimulateConfig, job, lab_simulate

OWN = '''
from dataclasses import dataclass

from antigrad.lab import Objective
from antigrad.lab.objective import likelihood_direction


@dataclass(frozen=True)
class Pull(Objective):
    """Raises what is rewarded, as often as it is drawn."""

    strength: float = 1.0

    @property
    def label(self):
        return f"pull({self.strength:g})"

    def expected(self, policy, ctx):
        return likelihood_direction(self.strength * ctx.law * ctx.bandit.rewards, policy)

    def weigh(self, batch, ctx):
        return self.strength * batch.rewards
'''
STUDY = """
from antigrad.lab.evidence import Comparison
from antigrad.lab.study import settle


def run(settings):
    gap = settings["gap"]
    read = [Comparison("up", "steps", "step 1", [gap]), Comparison("up", "reward", "reward 1", [gap])]
    return settle(read, f"The gap is {gap}.", {"gap": gap}, [])
"""
WORLD = ["--rewards", "0.8,1,0", "--start", "0.45,0.1,0.45"]


def simulate(*words: str, output: Path) -> int:
    return main(["lab", "simulate", *words, "--output", str(output)])


def test_a_claim_by_flags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jinja2", reason="the extra `report` is not installed")
    words = ["--objective", "grpo,grpo_n,dpo(beta=0.5)", *WORLD, "--steps", "300", "--export", "csv"]
    claim = "action 1: grpo > grpo_n; entropy: grpo_n < start"
    assert simulate(*words, "--claim", claim, output=tmp_path / "run") == 0
    run = RunFolder.open(tmp_path / "run")
    assert {row["arm"] for row in run.ledger.rows("arm")} == {"grpo", "grpo_n", "dpo(beta=0.5)"}
    assert run.summary["finding"] == "mixed"  # at equal reward the negative half has kept more of O
    assert run.summary["action 1/GRPO@step=300"] > run.summary["action 1/GRPO-N@step=300"]
    page = run.read_json("page.json")
    assert [section["kind"] for section in page["sections"]] == ["cards", "chart", "table", "table"]
    assert "speak for the sentence" in page["sections"][0]["text"]
    with run.artifact("path_0.csv").open() as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == COLUMNS and rows[1][:8] == ["GRPO", "0.1", "0", "0", "0", "0", "0.45", "0.8"]
    last = [float(row[6]) for row in rows[1:] if row[3] == "300"]
    assert sum(last) == pytest.approx(1) and last[1] == pytest.approx(run.summary["action 1/GRPO@step=300"])
    capsys.readouterr()
    for name, sign in (("one", ">"), ("other", "<")):
        assert simulate(*words, "--claim", f"action 1: grpo {sign} grpo_n", output=tmp_path / name) == 0
    one, other = (RunFolder.open(tmp_path / name).summary for name in ("one", "other"))
    assert one["verdict/for"] == other["verdict/against"] > 0


def test_the_same_by_a_file_and_several_prompts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {
        "objective": ["psr", "nsr"], "rewards": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        "start": [[0.5, 0.3, 0.2], [0.6, 0.2, 0.2], [0.7, 0.2, 0.1]], "share": 0.5, "tier": "sampled", "prompts": 2,
        "seeds": 6, "steps": 40, "claim": "pass@4: nsr > psr", "sentence": "Negatives keep more.",
    }  # fmt: skip
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(settings))
    words = ["lab", "simulate", "--config", str(tmp_path / "mine.yaml"), "--output", str(tmp_path / "run"), "--json"]
    assert main(words) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["finding"] in ("agrees", "mixed", "disagrees", "open") and "pass@4/NSR@step=40" in figures
    page = RunFolder.open(tmp_path / "run").read_json("page.json")
    assert "Negatives keep more." in page["verdict"]["question"]
    seeds = {row["seeds"] for row in page["sections"][-1]["rows"]}
    assert seeds == {6}


def test_a_peak_and_no_claim(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--objective", "best_of_n,rwr", "--peak", "50", "--tier", "dataset", "--seeds", "6", "--steps", "50"]
    assert simulate(*words, "--eta", "1", output=tmp_path / "run") == 0
    assert "best" not in capsys.readouterr().err
    run = RunFolder.open(tmp_path / "run")
    assert run.summary["finding"] == "none" and run.summary["reward/RWR(0.1)@step=50"] > 0.1
    verdict = run.read_json("page.json")["verdict"]
    assert ": from 0." in verdict["answer"] and "ahead of" in verdict["answer"] and "--claim" in verdict["advice"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--rewards", "1,0", "--eta", "0", "--steps", "0"], "2 problems"),
        (["--rewards", "1,0", "--peak", "3"], "one of the two"),
        ([], "rewards, or a peak"),
        (["--rewards", "1,0", "--start", "1,0"], "reference of action 1"),
        (["--rewards", "1,0", "--start", "0.5,0.2,0.3"], "as many probabilities"),
        (["--rewards", "1,0", "--claim", "rewrd: grpo > start"], "did you mean 'reward'"),
        (["--rewards", "1,0", "--claim", "reward: grpo > psr"], "arm 'psr'"),
        (["--rewards", "1,0", "--claim", "reward grpo"], "METRIC: ARM > ARM"),
        (["--rewards", "1,0", "--objective", "gpro"], "did you mean 'grpo'"),
        (["--rewards", "1,0", "--objective", "no_such_module:Thing"], "No module named"),
        (["--rewards", "1,0", "--objective", "json:dumps"], "a class of an objective"),
        (["--rewards", "1,0", "--law", "sometimes"], "online, offline or a number"),
        (["--rewards", "1,0", "--objective", "grpo,grpo"], "given twice"),
        (["--peak", "50"], "groups of 8 with 51 reward"),
        (["--peak", "50", "--objective", "grpo,grpo_p,rwr"], "objectives of lab simulate: 2 problems"),
    ],
)
def test_refusals(words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(*words, output=tmp_path / "run") == 1
    assert says in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_an_objective_in_a_file_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By module from the working folder, and by file; it moves as its direction says."""
    (tmp_path / "pulling_of_mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    for number, spec in enumerate(("pulling_of_mine:Pull(strength=2)", "pulling_of_mine.py:Pull(strength=2)")):
        claim = f"reward: {spec} > start; reward: {spec} > grpo_n"
        config = SimulateConfig([spec, "grpo_n"], [1.0, 0.0], [0.3, 0.7], claim=claim, steps=50,
                                output=tmp_path / str(number))  # fmt: skip
        assert lab_simulate(config).summary["reward/pull(2)@step=50"] > 0.9


def test_a_study_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A YAML file and a function anywhere, with a changed setting that turns the finding."""
    (tmp_path / "study_of_mine.py").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    for gap, finding in ((1.0, "agrees"), (-1.0, "disagrees"), (0.0, "open")):
        text = f"study: study_of_mine:run\nsentence: It goes up.\nsettings: {{gap: {gap}}}\n"
        (tmp_path / "mine.yaml").write_text(text)
        output = tmp_path / finding
        assert main(["lab", "run", "mine.yaml", "--output", str(output), "--workers", "1"]) == 0
        run = RunFolder.open(output)
        assert run.summary["mine/finding"] == finding and run.summary["mine/gap"] == gap
        assert "It goes up." in run.ledger.rows("study")[0]["verdict"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("study: nowhere_at_all:run\n", "No module named"),
        ("study: json:no_such_function\n", "a name in json"),
        ("study: json:dumps\n", "returned str"),
        ("study: json:dumps\ntittle: Mine\n", "did you mean 'title'"),
        ("study: json:dumps\nsettings: 3\n", "a mapping"),
    ],
)
def test_studies_of_ones_own_that_do_not_work(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    words = ["lab", "run", str(tmp_path / "mine.yaml"), "--output", str(tmp_path / "run"), "--workers", "1"]
    assert main(words) == 1
    assert says in capsys.readouterr().err


def test_an_interrupted_simulation_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, half = (
        SimulateConfig(["grpo", "psr"], [0.8, 1.0, 0.0], tier="sampled", seeds=6, steps=30, claim="reward: grpo > psr",
                       output=tmp_path / name)
        for name in ("whole", "half")
    )  # fmt: skip
    expected, follow = lab_simulate(whole).summary, job.follow

    def interrupted(bandit: object, arm: object, config: object) -> object:
        if getattr(arm, "label", "") == "PSR":
            raise KeyboardInterrupt
        return follow(bandit, arm, config)  # type: ignore[arg-type]

    monkeypatch.setattr(job, "follow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab_simulate(half)
    monkeypatch.setattr(job, "follow", follow)
    assert lab_simulate(SimulateConfig(**{**vars(half), "resume": True})).summary == expected


def test_parquet_has_what_csv_has(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    run = lab_simulate(SimulateConfig(["grpo"], [0.8, 1.0, 0.0], steps=20, export="parquet", output=tmp_path / "run"))
    table = parquet.read_table(run.artifact("path_0.parquet"))
    assert tuple(table.column_names) == COLUMNS and len(table) == 21 * 3
    assert table.column("mean_reward").to_pylist()[0] == pytest.approx(0.6)
