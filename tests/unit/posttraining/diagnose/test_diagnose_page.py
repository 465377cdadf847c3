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


def said(content: dict[str, Any]) -> str:
    verdict = content["verdict"]
    return " ".join([verdict["question"], verdict["answer"], verdict["sure"], verdict["advice"], *verdict["caveats"]])


def test_the_verdict_tells_the_figures_of_the_largest_step(tmp_path: Path) -> None:
    content = page(tmp_path, USUAL)[1]
    verdict, text = content["verdict"], said(content)
    assert verdict["answer"].startswith("Yes:") and verdict["tone"] == "bad"
    assert "2 of the 3 questions did" in verdict["answer"]
    assert "mean Δ −0.417 nats, standard error 0." in verdict["sure"]
    # Paired: 1.5, 0.25 and -0.25, of which two are gains; one of three loses under nthr.
    assert "'nthr' is indistinguishable from 'none' on 3 questions (6 questions or more are needed" in text
    assert "for a verdict): +0.5 nats relative to 'none'" in text
    assert "ask more (--questions)" in verdict["advice"]


def test_nothing_to_fix_is_good_news(tmp_path: Path) -> None:
    rows = [asked(0), *(update(0, arm, size, 0.5) for arm in ARMS for size in SIZES)]
    verdict = page(tmp_path, rows)[1]["verdict"]
    assert verdict["answer"].startswith("No:") and verdict["tone"] == "good"
    assert verdict["advice"] == "Nothing to fix on these questions: train with plain GRPO (rule 'none')."


def test_displacement_at_a_smaller_step_alone_is_not_good_news(tmp_path: Path) -> None:
    rows = [asked(0), *(update(0, arm, size, -0.5 if size == min(SIZES) else 0.5) for arm in ARMS for size in SIZES)]
    verdict = page(tmp_path, rows)[1]["verdict"]
    assert verdict["tone"] == "bad" and f"step size {min(SIZES):g}" in verdict["answer"]


@pytest.mark.parametrize(("gain", "named"), [(0.5, True), (0.0, False), (-0.5, False)])
def test_a_rule_is_named_where_it_is_better_beyond_chance(tmp_path: Path, gain: float, named: bool) -> None:
    rows: list[dict[str, Any]] = []
    for number in range(8):
        change = {"none": -1.0 + number / 8, "nthr": -1.0 + number / 8 + gain + (-1) ** number * 0.1}
        rows.append(asked(number))
        rows += [update(number, arm, size, change.get(arm, change["none"])) for arm in ARMS for size in SIZES]
    content = page(tmp_path, rows)[1]
    text, advice = said(content), content["verdict"]["advice"]
    assert ("Of 1 other rules 'nthr' raised the correct answers most: +0.5 nats relative to 'none'" in text) == named
    assert ("better on 8 of 8 questions, losing likelihood on" in text) == named
    assert ("'nthr' is indistinguishable from 'none' on 8 questions: " in text) != named
    assert ("Train with 'nthr': 50% of the correct answers lose instead of 100%" in advice) == named
    assert ("and relative to 'none' it changes Δ by +0.5 ± " in advice) == named


def test_a_rule_that_displaces_as_many_is_not_advised(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    for number in range(8):
        change = {"none": -2.0, "nthr": -1.5 + number / 100}
        rows.append(asked(number))
        rows += [update(number, arm, size, change.get(arm, -2.0)) for arm in ARMS for size in SIZES]
    advice = page(tmp_path, rows)[1]["verdict"]["advice"]
    assert advice.startswith(
        "No rule tried displaces fewer answers. 'nthr' raises their mean (relative to 'none' by +0."
    )


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
    counts = said(content)
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


def test_bars_have_the_same_order_at_every_step_size(tmp_path: Path) -> None:
    # At the smaller step the first question gains and the third loses: the order is still that of the largest step.
    rows = [
        asked(0), *(update(0, arm, size, -1.0 if size == max(SIZES) else 1.0) for arm in ARMS for size in SIZES),
        asked(1), *(update(1, arm, size, 1.0 if size == max(SIZES) else -1.0) for arm in ARMS for size in SIZES),
    ]  # fmt: skip
    content = page(tmp_path, rows)[1]
    charts = [titled(content, f"Δ per question and rule, step size {size:g}") for size in SIZES]
    assert [chart["figure"]["data"][0]["x"] for chart in charts] == [["1: q0", "2: q1"]] * 2


def test_the_columns_that_decide_stand_second(tmp_path: Path) -> None:
    columns = titled(page(tmp_path, USUAL)[1], "Which rule fixes it")["columns"]
    assert [column["label"] for column in columns[:3]] == ["rule", "Δ − Δ(none)", "step size"]
    assert columns[1]["spread"] == ["against_baseline_se"]
    assert sum(not column["more"] for column in columns) <= 10


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
    assert "nan" not in said(content)
    assert "standard error 0" not in said(content) and "± 0 " not in said(content)
    assert "1 of the 1 questions did" in said(content)
    assert math.isnan(run.summary["gwhes_overlap@1e-05"])


def test_nothing_mixed_is_said_and_still_a_page(tmp_path: Path) -> None:
    content = page(tmp_path, [asked(0, "all wrong"), asked(1, "all correct")])[1]
    assert "no question had both correct and wrong answers" in content["verdict"]["answer"]
    assert [section["title"] for section in content["sections"]] == ["In short", "Every question"]


def test_only_failed_questions_are_said(tmp_path: Path) -> None:
    rows = [{"kind": "question", "question": 0, "id": "q0", "text": "q0", "status": "failed", "reason": "NaN logits"}]
    run, content = page(tmp_path, rows)
    assert "1 failed" in said(content)
    assert run.summary["failed"] == 1


def test_updates_that_broke_the_model_are_not_compared(tmp_path: Path) -> None:
    rows = [asked(0), *(update(0, arm, size, -0.5 if size == 1e-6 else None) for arm in ARMS for size in SIZES)]
    content = page(tmp_path, rows)[1]
    assert "step size 1e-06" in content["verdict"]["answer"]
    every = titled(content, "Every update")["rows"]
    assert [row["error"] for row in every] == [None, "broke", None, "broke"]


@pytest.mark.parametrize("broken", [ARMS, ["none"]])
def test_a_baseline_that_always_broke_is_said(tmp_path: Path, broken: list[str]) -> None:
    rows = [asked(0), *(update(0, arm, size, None if arm in broken else 0.5) for arm in ARMS for size in SIZES)]
    assert "'none' broke the model" in page(tmp_path, rows)[1]["verdict"]["answer"]


def test_another_rule_that_broke_is_not_the_best(tmp_path: Path) -> None:
    rows = [asked(0), *(update(0, arm, size, -0.5 if arm == "none" else None) for arm in ARMS for size in SIZES)]
    content = page(tmp_path, rows)[1]
    assert content["verdict"]["answer"].startswith("Yes")
    assert "raised the correct answers most" not in said(content)


def test_without_plain_grpo_the_first_arm_is_the_baseline(tmp_path: Path) -> None:
    config = DiagnoseConfig(arms=["nthr", "positives_only"], step_sizes=[1e-6], output=tmp_path / "run")
    run = RunFolder.start(config.output, job="diagnose", config=config)
    for row in [asked(0), update(0, "nthr", 1e-6, -1.0), update(0, "positives_only", 1e-6, 2.0)]:
        run.ledger.append(row)
    describe(run, config)
    content = run.read_json("page.json")
    lead = said(content)
    assert "the rule 'nthr'" in content["verdict"]["answer"]
    assert "'positives_only' is indistinguishable from 'nthr' on 1 questions" in lead and ": +3 nats" in lead
