"""What the rows add up to: by hand, with ties, failures and too few rows."""

import math
from typing import Any

import numpy as np
import pytest

from antigrad.posttraining.diagnose.findings import (
    arm_table,
    mean_and_error,
    rank_correlation,
    rank_correlations,
    ranking,
    top_overlap,
)


def update(
    question: int, arm: str, size: float, correct: list[float], wrong: float = -1.0, **more: Any
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "question": question,
        "arm": arm,
        "step_size": size,
        "error": None,
        "deltas_correct": correct,
        "copies": [False] * len(correct),
    }
    row |= {"delta_correct": sum(correct) / len(correct), "delta_wrong": wrong, "delta_greedy": 0.25}
    return row | {"entropy_change": -0.5, "weakened": 3, "wrong_tokens": 10} | more


def failed(question: int, arm: str, size: float) -> dict[str, Any]:
    nothing = dict.fromkeys(("delta_correct", "delta_wrong", "delta_greedy", "entropy_change"))
    row = {"question": question, "arm": arm, "step_size": size, "error": "NaN", "deltas_correct": [], "copies": []}
    return row | nothing | {"weakened": 1, "wrong_tokens": 10}


UPDATES = [
    update(0, "none", 1e-5, [-0.2, 0.1], wrong=-2.0),
    update(1, "none", 1e-5, [0.3, 0.5], wrong=-4.0),
    update(3, "none", 1e-5, [-0.4], wrong=0.0),
    update(0, "nthr", 1e-5, [0.1, 0.3], weakened=10),
    update(1, "nthr", 1e-5, [0.2, 0.4], weakened=0),
    failed(3, "nthr", 1e-5),
    update(0, "none", 1e-4, [2.0]),
]


def test_mean_and_standard_error() -> None:
    assert mean_and_error([1.0, 3.0, 5.0]) == pytest.approx((3.0, 2.0 / math.sqrt(3)))
    mean, error = mean_and_error([7.0])
    assert (mean, math.isnan(error)) == (7.0, True)
    assert all(math.isnan(value) for value in mean_and_error([]))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 0.8207826816681233),
        ([1, 2, 3, 4], [-1, -2, -3, -4], -1.0),
        ([1, 2, 2, 3], [1, 2, 3, 4], 0.9486832980505138),
        ([0, 0, 1], [1, 0, 0], -0.5),
        ([1e-9, 2e-9, 1e9], [3, 5, 9], 1.0),
    ],
)
def test_rank_correlation_with_ties(first: list[float], second: list[float], expected: float) -> None:
    assert rank_correlation(first, second) == pytest.approx(expected)
    assert rank_correlation(second, first) == pytest.approx(expected)
    assert rank_correlation([-value for value in first], second) == pytest.approx(-expected)


@pytest.mark.parametrize(("first", "second"), [([], []), ([1], [2]), ([1, 1, 1], [1, 2, 3]), ([1, 2], [5, 5])])
def test_rank_correlation_of_what_does_not_vary_is_not_a_number(first: list[float], second: list[float]) -> None:
    assert math.isnan(rank_correlation(first, second))


def test_top_overlap_pairs_the_highest_gwhes_with_the_lowest_change() -> None:
    gwhes = [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]
    assert top_overlap(gwhes, [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0], 2) == 1
    assert top_overlap(gwhes, [2.0, 1.0, 0.0, -1.0, -2.0, -3.0], 2) == 0
    assert top_overlap(gwhes, [-9.0, 5.0, -8.0, 0.0, 0.0, 0.0], 3) == pytest.approx(2 / 3)


def test_arm_table_by_hand() -> None:
    plain, nthr, large = arm_table(UPDATES, "none", epsilon=0.0)
    assert [(line["arm"], line["step_size"]) for line in (plain, nthr, large)] == [
        ("none", 1e-5),
        ("nthr", 1e-5),
        ("none", 1e-4),
    ]
    assert (plain["questions"], plain["failed"]) == (3, 0)
    assert plain["lld_share"] == pytest.approx(2 / 3)
    assert plain["lld_response_share"] == pytest.approx(2 / 5)
    assert plain["delta_correct"] == pytest.approx((-0.05 + 0.4 - 0.4) / 3)
    spread = math.sqrt(sum((value + 0.05 / 3) ** 2 for value in (-0.05, 0.4, -0.4)) / 2)
    assert plain["delta_correct_se"] == pytest.approx(spread / math.sqrt(3))
    assert plain["delta_wrong"] == pytest.approx(-2.0)
    assert (plain["delta_greedy"], plain["entropy_change"]) == (0.25, -0.5)
    assert plain["weakened_share"] == pytest.approx(0.3)
    assert (plain["against_baseline"], plain["better_than_baseline"]) == (0.0, 0)


def test_failed_updates_are_counted_and_not_averaged() -> None:
    nthr = arm_table(UPDATES, "none", epsilon=0.0)[1]
    assert (nthr["questions"], nthr["failed"]) == (2, 1)
    assert nthr["lld_share"] == 0
    assert nthr["delta_correct"] == pytest.approx(0.25)
    assert nthr["against_baseline"] == pytest.approx(((0.2 + 0.05) + (0.3 - 0.4)) / 2)
    assert nthr["against_baseline_se"] == pytest.approx(0.175)
    assert nthr["better_than_baseline"] == 1
    assert nthr["weakened_share"] == pytest.approx(10 / 20)


def test_the_baseline_is_that_of_the_same_step_size_and_question() -> None:
    updates = [*UPDATES, update(0, "nthr", 1e-4, [1.5]), update(7, "nthr", 1e-4, [50.0])]
    line = arm_table(updates, "none", epsilon=0.0)[-1]
    assert (line["step_size"], line["questions"]) == (1e-4, 2)
    assert line["against_baseline"] == pytest.approx(-0.5)
    assert math.isnan(line["against_baseline_se"])


def test_epsilon_moves_the_threshold_of_displacement() -> None:
    assert [arm_table(UPDATES, "none", epsilon=value)[0]["lld_share"] for value in (-0.1, -0.05, 0.401)] == [
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
        1.0,
    ]


def test_copies_of_an_answer_count_once_among_answers_and_fully_in_the_mean() -> None:
    rows = [update(0, "none", 1e-5, [-1.0, -1.0, -1.0, 0.5], copies=[False, True, True, False])]
    (line,) = arm_table(rows, "none", epsilon=0.0)
    assert line["lld_response_share"] == 1 / 2
    assert line["delta_correct"] == -0.625
    asked = [question(0, [3.0, 3.0, 3.0, 1.0])]
    found = ranking(asked, rows, "none", 1e-5)["rank_correlation_responses"]
    assert found == rank_correlation([-3.0, -1.0], [-1.0, 0.5]) == 1.0


def test_greedy_answers_that_were_sampled_too_are_not_averaged() -> None:
    rows = [update(0, "none", 1e-5, [1.0], delta_greedy=None), update(1, "none", 1e-5, [1.0], delta_greedy=0.75)]
    (line,) = arm_table(rows, "none", epsilon=0.0)
    assert (line["delta_greedy"], line["greedy_held_out"], line["questions"]) == (0.75, 1, 2)
    assert math.isnan(arm_table(rows[:1], "none", epsilon=0.0)[0]["delta_greedy"])


def test_an_arm_whose_updates_all_failed_has_no_figures() -> None:
    (line,) = arm_table([failed(0, "none", 1.0), failed(1, "none", 1.0)], "none", epsilon=0.0)
    assert (line["questions"], line["failed"], line["better_than_baseline"]) == (0, 2, 0)
    for name in ("lld_share", "lld_response_share", "delta_correct", "delta_correct_se", "weakened_share"):
        assert math.isnan(line[name]), name


def test_no_updates_give_an_empty_table() -> None:
    assert arm_table([], "none", epsilon=0.0) == []


def question(number: int, gwhes: list[float]) -> dict[str, Any]:
    return {"question": number, "gwhes": gwhes}


def test_ranking_by_hand() -> None:
    asked = [question(0, [3.0, 5.0]), question(1, [1.0, 1.0]), question(3, [9.0]), question(4, [2.0])]
    found = ranking(asked, UPDATES, "none", 1e-5)
    # Mean GWHES 4, 1, 9 against a mean change of -0.05, 0.4, -0.4: opposite orders, as the theory says.
    assert found["questions"] == 3
    assert (found["top"], found["overlap"]) == (1, 1.0)
    assert found["by_chance"] == pytest.approx(1 / 3)
    assert found["rank_correlation"] == 1.0
    single = rank_correlation([-3.0, -5.0, -1.0, -1.0, -9.0], [-0.2, 0.1, 0.3, 0.5, -0.4])
    assert found["rank_correlation_responses"] == single


def test_a_ranking_that_is_wrong_has_a_negative_correlation_and_no_overlap() -> None:
    asked = [question(0, [4.0, 4.0]), question(1, [9.0, 9.0]), question(3, [1.0])]
    found = ranking(asked, UPDATES, "none", 1e-5)
    assert (found["overlap"], found["rank_correlation"]) == (0.0, -1.0)


def test_too_few_questions_have_no_ranking() -> None:
    found = ranking([question(0, [1.0, 2.0])], UPDATES, "nthr", 1e-5)
    assert found["questions"] == 1
    assert math.isnan(found["overlap"])
    assert math.isnan(found["by_chance"])
    assert math.isnan(found["rank_correlation"])


def test_copies_of_an_answer_count_once() -> None:
    row = update(0, "none", 1e-5, [-1.0, -1.0, 2.0], copies=[False, True, False])
    line = arm_table([row], "none", 0.0)[0]
    assert line["lld_response_share"] == 0.5
    ranked = ranking([{"question": 0, "gwhes": [5.0, 5.0, 1.0]}], [row], "none", 1e-5)
    assert ranked["rank_correlation_responses"] == 1.0


def test_a_greedy_answer_of_the_group_is_not_averaged() -> None:
    rows = [update(0, "none", 1e-5, [1.0], delta_greedy=None), update(1, "none", 1e-5, [1.0])]
    line = arm_table(rows, "none", 0.0)[0]
    assert (line["delta_greedy"], line["greedy_held_out"]) == (0.25, 1)


def test_many_rank_correlations_are_those_of_single_rows() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 4, (2, 200, 5)).astype(float)  # ties, and rows that do not vary
    expected = [rank_correlation(*rows) for rows in zip(first.tolist(), second.tolist(), strict=True)]
    assert any(map(math.isnan, expected)) and len({round(one, 6) for one in expected if one == one}) > 20
    assert rank_correlations(first, second).tolist() == pytest.approx(expected, abs=1e-9, nan_ok=True)
