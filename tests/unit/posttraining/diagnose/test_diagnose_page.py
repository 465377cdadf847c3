"""The page of a preflight: its words and figures follow from the rows, whatever they are."""

import math
from pathlib import Path
from typing import Any

import pytest

from antigrad.core import RunFolder
from antigrad.posttraining.diagnose import DiagnoseConfig
from antigrad.posttraining.diagnose.page import describe
from antigrad.report import write_report

ARMS = ["none", "nthr"]
SIZES = [1e-6, 1e-5]


def response(correct: bool, scores: list[float] | None, text: str = "12") -> dict[str, Any]:
    row = {"text": text, "correct": correct, "truncated": not correct, "tokens": ["1", "2"], "log_probs": [-0.5, -1.0]}
    return row | {"scores": scores, "copy": False}


def asked(number: int, status: str = "mixed") -> dict[str, Any]:
    scores = status == "mixed"
    right = response(status != "all wrong", [5.0, 6.0] if scores else None)
    wrong = response(status == "all correct", [2.0, -1.0] if scores else None, "<b>9")
    row: dict[str, Any] = {
        "kind": "question",
        "question": number,
        "id": f"q{number}",
        "text": f"q{number}",
        "prompt": "1 + 1 =",
        "answer": "2",
    }
    row |= {"status": status, "reason": None, "correct": right["correct"] + wrong["correct"], "entropy": 1.0}
    row |= {
        "truncated": right["truncated"] + wrong["truncated"],
        "greedy": {"text": "2", "correct": True, "in_group": False},
    }
    row |= {"responses": [right, wrong]}
    if not scores:
        return row
    row |= {"success_rate": 0.5, "tau_inclusive": 3.0, "tau_others": 1.0, "selected_inclusive": 0, "selected_others": 1}
    row |= {"wrong_tokens": 2, "gwhes": [float(number)], "anchors_inclusive": [3.0], "anchors_others": [1.0]}
    row |= {"nthr_arms": {"nthr": {"tau": 1.0, "eta": 0.0}}}
    return row | {"vocabulary_rows": 49, "missing_mass": 0.0, "error_bound": 0.0}


def update(number: int, arm: str, size: float, change: float | None) -> dict[str, Any]:
    row = {
        "kind": "update",
        "question": number,
        "arm": arm,
        "step_size": size,
        "weakened": arm == "nthr",
        "wrong_tokens": 2,
    }
    values = dict.fromkeys(("delta_correct", "delta_wrong", "delta_greedy", "entropy_change"), change)
    return (
        row
        | values
        | {
            "error": None if change is not None else "broke",
            "deltas_correct": [] if change is None else [change],
            "copies": [False],
        }
    )


def page(folder: Path, rows: list[dict[str, Any]], **settings: Any) -> tuple[RunFolder, dict[str, Any]]:
    config = DiagnoseConfig(arms=ARMS, step_sizes=SIZES, output=folder / "run", **settings)
    run = RunFolder.start(config.output, job="diagnose", config=config)
    for row in rows:
        run.ledger.append(row)
    describe(run, config)
    assert write_report(run).exists()
    return run, run.read_json("page.json")


def titled(content: dict[str, Any], start: str) -> dict[str, Any]:
    return next(section for section in content["sections"] if section["title"].startswith(start))


USUAL = [
    asked(0),
    *(update(0, arm, size, (-1.0 if arm == "none" else 0.5) * size * 1e5) for arm in ARMS for size in SIZES),
    asked(1, "all correct"),
    asked(2),
    *(update(2, arm, size, (0.25 if arm == "none" else 0.5) * size * 1e5) for arm in ARMS for size in SIZES),
    asked(3, "all wrong"),
    {"kind": "question", "question": 4, "id": "q4", "text": "q4", "status": "failed", "reason": "NaN logits"},
    asked(5),
    *(update(5, arm, size, (-0.5 if arm == "none" else -0.75) * size * 1e5) for arm in ARMS for size in SIZES),
]


def test_the_lead_tells_the_figures_of_the_largest_step(tmp_path: Path) -> None:
    lead = page(tmp_path, USUAL)[1]["lead"]
    assert "size 1e-05" in lead
    assert "'none' lowered" in lead
    assert "on 2 of 3 questions (mean Δ −0.417 nats)" in lead
    # Paired: 1.5, 0.25 and -0.25, of which two are gains; one of three loses under nthr.
    assert "'nthr' raised it most: +0.5 nats" in lead
    assert "better on 2 questions, losing likelihood on 1" in lead


def test_the_summary_has_every_figure_flat(tmp_path: Path) -> None:
    summary = page(tmp_path, USUAL)[0].summary
    counts = {"questions": 6, "mixed": 3, "all_correct": 1, "all_wrong": 1, "failed": 1}
    assert {name: summary[name] for name in counts} == counts
    assert summary["mean_reward"] == pytest.approx(5 / 10)
    assert (summary["selected_share/inclusive"], summary["selected_share/others"]) == (0.0, 0.5)
    assert summary["lld_share/none@1e-05"] == pytest.approx(2 / 3)
    assert summary["lld_share/nthr@1e-06"] == pytest.approx(1 / 3)
    assert summary["delta_correct/none@1e-06"] == pytest.approx(-0.1 * 1.25 / 3)
    # Mean GWHES 0, 2, 5 and changes -1, 0.25, -0.5: the highest is not the lowest.
    assert (summary["gwhes_overlap@1e-05"], summary["gwhes_by_chance@1e-05"]) == (0.0, pytest.approx(1 / 3))
    assert summary["gwhes_rank_correlation@1e-05"] == pytest.approx(-0.5)
    assert not any(isinstance(value, dict | list) for value in summary.values())


def test_groups_that_were_left_out_are_told_with_the_reason(tmp_path: Path) -> None:
    content = page(tmp_path, USUAL)[1]
    counts = titled(content, "In short")["text"]
    assert all(part in counts for part in ("6 questions", "3 mixed", "1 all correct", "1 all wrong", "1 failed"))
    assert "5 answers were cut off" in counts
    row = titled(content, "Every question")["rows"][4]
    assert (row["status"], row["reason"], row["greedy"]) == ("failed", "NaN logits", None)


def test_tokens_above_the_threshold_are_marked_on_wrong_answers_only(tmp_path: Path) -> None:
    group = titled(page(tmp_path, USUAL)[1], "Which tokens")["groups"][0]
    right, wrong = group["responses"]
    assert [token["marked"] for token in right["tokens"]] == [False, False]
    assert [token["marked"] for token in wrong["tokens"]] == [True, False]
    tip = wrong["tokens"][0]["tip"]
    assert (tip["s"], tip["τ nthr"], tip["η nthr"]) == (2.0, 1.0, 0.0)
    assert tip["probability"] == pytest.approx(math.exp(-0.5))
    assert wrong["tokens"][1]["tip"]["η nthr"] == 1.0
    assert (wrong["note"], right["note"]) == ("cut off at the length limit", "")


def test_bars_are_in_the_order_of_the_first_rule_s_change(tmp_path: Path) -> None:
    chart = titled(page(tmp_path, USUAL)[1], "Δ per question and rule, step size 1e-05")["figure"]
    plain, nthr = chart["data"]
    assert plain["x"] == nthr["x"] == ["1: q0", "6: q5", "3: q2"]
    assert plain["y"] == pytest.approx([-1.0, -0.5, 0.25])
    assert nthr["y"] == pytest.approx([0.5, -0.75, 0.5])


def test_the_step_chart_has_one_line_a_rule_over_all_sizes(tmp_path: Path) -> None:
    lines = titled(page(tmp_path, USUAL)[1], "How the picture changes")["figure"]["data"]
    assert [line["x"] for line in lines] == [SIZES, SIZES]
    assert lines[0]["y"] == pytest.approx([-0.1 * 1.25 / 3, -1.25 / 3])


def test_the_worst_tokens_come_first(tmp_path: Path) -> None:
    rows = titled(page(tmp_path, USUAL)[1], "Tokens of wrong answers")["rows"]
    assert [row["score"] for row in rows] == [2.0, 2.0, 2.0, -1.0, -1.0, -1.0]
    assert {row["answer"] for row in rows} == {"<b>9"}


def test_one_question_has_no_standard_error_and_no_ranking(tmp_path: Path) -> None:
    run, content = page(tmp_path, USUAL[:5])
    assert "nan" not in content["lead"]
    assert "standard error 0" not in content["lead"]
    assert "on 1 of 1 questions" in content["lead"]
    assert math.isnan(run.summary["gwhes_overlap@1e-05"])


def test_nothing_mixed_is_said_and_still_a_page(tmp_path: Path) -> None:
    content = page(tmp_path, [asked(0, "all wrong"), asked(1, "all correct")])[1]
    assert content["lead"].startswith("No question had both correct and wrong answers")
    assert [section["title"] for section in content["sections"]] == ["In short", "Every question"]


def test_only_failed_questions_are_said(tmp_path: Path) -> None:
    rows = [{"kind": "question", "question": 0, "id": "q0", "text": "q0", "status": "failed", "reason": "NaN logits"}]
    run, content = page(tmp_path, rows)
    assert "1 failed" in titled(content, "In short")["text"]
    assert run.summary["failed"] == 1


def test_updates_that_broke_the_model_are_not_compared(tmp_path: Path) -> None:
    rows = [asked(0), *(update(0, arm, size, -0.5 if size == 1e-6 else None) for arm in ARMS for size in SIZES)]
    content = page(tmp_path, rows)[1]
    assert "size 1e-06" in content["lead"]
    every = titled(content, "Every update")["rows"]
    assert [row["error"] for row in every] == [None, "broke", None, "broke"]


@pytest.mark.parametrize("broken", [ARMS, ["none"]])
def test_a_baseline_that_always_broke_is_said(tmp_path: Path, broken: list[str]) -> None:
    rows = [asked(0), *(update(0, arm, size, None if arm in broken else 0.5) for arm in ARMS for size in SIZES)]
    assert "'none' broke the model" in page(tmp_path, rows)[1]["lead"]


def test_another_rule_that_broke_is_not_the_best(tmp_path: Path) -> None:
    rows = [asked(0), *(update(0, arm, size, -0.5 if arm == "none" else None) for arm in ARMS for size in SIZES)]
    lead = page(tmp_path, rows)[1]["lead"]
    assert "lowered" in lead
    assert "Largest gain" not in lead


def test_without_plain_grpo_the_first_arm_is_the_baseline(tmp_path: Path) -> None:
    config = DiagnoseConfig(arms=["nthr", "positives_only"], step_sizes=[1e-6], output=tmp_path / "run")
    run = RunFolder.start(config.output, job="diagnose", config=config)
    for row in [asked(0), update(0, "nthr", 1e-6, -1.0), update(0, "positives_only", 1e-6, 2.0)]:
        run.ledger.append(row)
    describe(run, config)
    lead = run.read_json("page.json")["lead"]
    assert "the rule 'nthr'" in lead
    assert "'positives_only' raised it most: +3 nats" in lead
