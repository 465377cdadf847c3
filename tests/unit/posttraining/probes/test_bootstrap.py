"""Intervals over questions: coverage, seed, ratios, missing figures, one question."""

import math

import numpy as np
import pytest

from antigrad.core import InputValueError
from antigrad.posttraining.probes.bootstrap import Resamples


def resamples(questions: int, *, seed: int = 0, level: float = 0.95, count: int = 1000) -> Resamples:
    return Resamples(questions, count=count, level=level, seed=seed)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(3.0, 2.0, size=(300, 40))
    fixed = resamples(40, count=400, level=0.9)
    hits = [low <= 3.0 <= high for low, high in ((e.low, e.high) for e in map(fixed.ratio, draws.tolist()))]
    assert 0.84 <= np.mean(hits) <= 0.94


def test_its_width_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(1).normal(size=400)
    estimate = resamples(400, count=4000).ratio(values.tolist())
    assert estimate.value == pytest.approx(values.mean())
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.06)


def test_the_seed_decides_and_a_higher_level_is_wider() -> None:
    values = np.random.default_rng(2).normal(size=20).tolist()
    assert resamples(20).ratio(values) == resamples(20).ratio(values)
    assert resamples(20).ratio(values) != resamples(20, seed=2).ratio(values)
    narrow, wide = resamples(20, level=0.5).ratio(values), resamples(20, level=0.99).ratio(values)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_measures_share_their_resamples() -> None:
    fixed, values = resamples(6), [0.0, 1.0, 4.0, 2.0, 7.0, 3.0]
    plain, moved, turned = (fixed.ratio([f * v + s for v in values]) for f, s in ((1, 0), (1, 10), (-1, 0)))
    assert (moved.low, moved.high) == pytest.approx((plain.low + 10, plain.high + 10))
    assert (turned.low, turned.high) == pytest.approx((-plain.high, -plain.low))


def test_a_ratio_of_sums_weighs_questions_by_their_denominator() -> None:
    estimate = resamples(3).ratio([1.0, 0.0, 0.0], [1.0, 3.0, 0.0])
    assert estimate.value == 0.25
    assert (estimate.low, estimate.high, estimate.questions) == (0.0, 1.0, 2)


def test_questions_without_a_figure_count_in_neither_sum() -> None:
    estimate = resamples(4).ratio([1.0, None, 3.0, math.nan])
    assert (estimate.value, estimate.questions) == (2.0, 2)
    assert (estimate.low, estimate.high) == (1.0, 3.0)


def test_one_question_has_no_interval_and_none_no_figure() -> None:
    one = resamples(3).ratio([None, 0.5, None])
    assert (one.value, one.questions, one.sign) == (0.5, 1, 0)
    assert math.isnan(one.low) and math.isnan(one.high)
    none = resamples(2).ratio([None, None])
    assert math.isnan(none.value) and none.questions == 0


def test_the_sign_is_told_only_when_the_whole_interval_has_it() -> None:
    fixed = resamples(8)
    assert fixed.ratio([1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0]).sign == 1
    assert fixed.ratio([-1.0, -2.0, -3.0, -1.0, -2.0, -3.0, -1.0, -2.0]).sign == -1
    assert fixed.ratio([-1.0, 1.0] * 4).sign == 0


@pytest.mark.parametrize(("questions", "count", "level"), [(0, 10, 0.9), (3, 0, 0.9), (3, 10, 1.0), (3, 10, 0.0)])
def test_nothing_to_draw_is_refused(questions: int, count: int, level: float) -> None:
    with pytest.raises(InputValueError, match="level"):
        Resamples(questions, count=count, level=level, seed=0)
