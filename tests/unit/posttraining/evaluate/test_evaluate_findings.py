"""What rows add up to: figures, signs, and words that say what the figures say."""

import math
from pathlib import Path
from typing import Any

import pytest

from antigrad.core import RunFolder
from antigrad.posttraining.evaluate import EvaluateConfig
from antigrad.posttraining.evaluate.findings import Findings, findings, probe_changes
from antigrad.posttraining.evaluate.page import describe
from antigrad.posttraining.evaluate.rows import facts_of
from helpers.evaluations import answers

CONFIG = EvaluateConfig(model=["better", "worse", "gone"], base="old", samples=4, k=[1, 4], resamples=200)
RIGHT, WRONG = [True] * 4, [False] * 4
PROBES = {"probes": [[1], [2], [3]], "probe_log_probs": [-0.5, -6.0, -4.0]}


def rows() -> list[dict[str, Any]]:
    mixed, late = [True, False, False, False], [False, False, False, True]
    return [
        answers("old", 0, mixed, **PROBES),
        answers("old", 1, WRONG, probes=[], probe_log_probs=[]),
        answers("old", 2, late, **PROBES),
        answers("better", 0, RIGHT, probe_log_probs=[-0.4, -1.0, -1.1], positive_mass_rare=1.8, entropy=0.2),
        answers("better", 1, late, probe_log_probs=[]),
        answers("better", 2, RIGHT, probe_log_probs=[-0.4, -1.0, -1.1], positive_mass_rare=1.8, entropy=0.2),
        answers("worse", 0, WRONG, probe_log_probs=[-1.5, -8.0, -5.0], positive_mass=0.0, positive_mass_rare=0.0),
        answers("worse", 1, WRONG, probe_log_probs=[]),
        {"kind": "answers", "model": "worse", "question": 2, "text": "2 + 1 =", "status": "failed", "reason": "long"},
        {"kind": "model", "model": "gone", "status": "failed", "reason": "no weights"},
    ]


@pytest.fixture
def found() -> dict[str, Findings]:
    return {one.label: one for one in findings(facts_of(rows()), CONFIG)}


def test_the_base_comes_first_and_what_failed_has_its_reason(found: dict[str, Findings]) -> None:
    assert list(found) == ["old", "better", "worse", "gone"]
    assert [one.is_base for one in found.values()] == [True, False, False, False]
    assert [one.reason for one in found.values()] == [None, None, None, "no weights"]
    assert [one.asked for one in found.values()] == [3, 3, 2, 0]


def test_gains_and_solved_have_the_sign_of_the_checkpoint(found: dict[str, Findings]) -> None:
    better, worse = found["better"], found["worse"]
    assert better.gains[1].value == pytest.approx((3 + 1 + 3) / 12)
    assert worse.gains[1].value == pytest.approx(-1 / 8)
    assert vars(better.solved) == {"both": 2, "only_base": 0, "only_model": 1, "neither": 0}
    assert vars(worse.solved) == {"both": 0, "only_base": 1, "only_model": 0, "neither": 1}
    assert found["old"].solved is None and found["old"].gains == {}


def test_probes_move_with_the_checkpoint_and_the_likeliest_is_apart(found: dict[str, Findings]) -> None:
    better, worse = found["better"], found["worse"]
    assert better.rare.value == pytest.approx((5.0 + 2.9) / 2)
    assert better.common.value == pytest.approx(0.1)
    assert (worse.rare.value, worse.common.value) == (pytest.approx(-1.5), pytest.approx(-1.0))
    assert better.reach == {"expansion": 4}
    assert worse.reach == {"neither": 2}
    assert probe_changes({"status": "done"}, PROBES) is None


def test_measures_are_means_over_questions_and_the_share_a_ratio_of_sums(found: dict[str, Findings]) -> None:
    assert found["better"].measures["entropy"].value == pytest.approx(0.3)
    assert found["better"].explored.value == pytest.approx((1.8 + 0.5 + 1.8) / 6)
    assert found["better"].measures["response_length"].value == 6
    assert found["worse"].explored.value == 0.25
    assert found["worse"].explored.questions == 1


@pytest.fixture
def page(tmp_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    run = RunFolder.start(tmp_path / "run", job="evaluate", config=CONFIG)
    for row in rows():
        run.ledger.append(row)
    describe(run, CONFIG)
    return run.read_json("page.json"), run.summary


def test_the_lead_says_what_the_figures_say(page: tuple[dict[str, Any], dict[str, Any]]) -> None:
    verdict = page[0]["verdict"]
    lead = " ".join([verdict["answer"], *verdict["caveats"]])
    assert "better against the base: pass@1 +58.3 points" in lead
    assert "the base alone solves 0 and better alone 1 of 3 questions" in lead
    assert "worse against the base: pass@1 −12.5 points" in lead
    assert "the base alone solves 1 and worse alone 0 of 2 questions" in lead
    assert "Within k = 4 of n = 4 samples" in lead
    assert "gone could not be evaluated: no weights." in lead
    assert "nan" not in lead.lower()


def test_the_page_has_every_part(page: tuple[dict[str, Any], dict[str, Any]]) -> None:
    sections = {section["title"]: section for section in page[0]["sections"]}
    assert list(sections) == [
        "In short", "pass@k", "pass@k in numbers", "Solved by one alone", "Greedy response, entropy, diversity",
        "Length and likelihood", "Exploitation or exploration", "The base's correct answers",
        "Where the base's correct answers went", "Every question",
    ]  # fmt: skip
    curves = [trace for trace in sections["pass@k"]["figure"]["data"] if "name" in trace]
    assert [trace["name"] for trace in curves] == ["old (base)", "better", "worse"]
    assert sections["pass@k"]["figure"]["layout"]["xaxis"]["type"] == "log"
    gains = {(row["label"], row["k"]): row.get("gain") for row in sections["pass@k in numbers"]["rows"]}
    assert gains["better", 1] == pytest.approx(7 / 12)
    assert gains["old", 1] is None
    stages = {row["label"]: row["stage"] for row in sections["Exploitation or exploration"]["rows"]}
    assert stages == {"old": "exploitation", "better": "undecided", "worse": "undecided"}
    every = sections["Every question"]["rows"]
    assert [row.get("correct1") for row in every] == [4, 1, 4]
    assert [row.get("correct2") for row in every] == [0, 0, None]
    assert every[0]["rare1"] == pytest.approx(3.95)
    points = sections["Where the base's correct answers went"]["figure"]["data"]
    assert [len(trace["x"]) for trace in points] == [4, 2, 2, 1]


def test_the_summary_is_flat_and_names_n_and_k(page: tuple[dict[str, Any], dict[str, Any]]) -> None:
    summary = page[1]
    assert (summary["samples"], summary["largest_k"], summary["questions"]) == (4, 4, 3)
    assert summary["failed_checkpoints"] == 1
    assert summary["gain@1/better"] == pytest.approx(7 / 12)
    assert summary["solved_only_base/worse"] == 1
    assert summary["probe_change_rare/worse"] == pytest.approx(-1.5)
    assert summary["pass@1_low/better"] <= summary["pass@1/better"] <= summary["pass@1_high/better"]
    assert math.isnan(summary["pass@1/gone"])
