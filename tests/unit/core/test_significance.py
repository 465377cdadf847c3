"""Verdicts from few pairs: Student's t and Holm against scipy, and what they say where nothing differs."""

import numpy as np
import pytest
from scipy import stats

from antigrad.core.significance import LEAST, holm, signs, t_test


@pytest.mark.parametrize("count", [LEAST, 9, 40])
@pytest.mark.parametrize("shift", [-0.7, 0.0, 0.4])
def test_p_is_that_of_scipy(count: int, shift: float) -> None:
    values = np.random.default_rng(count).normal(shift, 1, count)
    assert t_test(values.tolist()) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=1e-12)
    one_sided = stats.ttest_1samp(values, 0, alternative="greater").pvalue
    assert t_test(values.tolist(), greater=True) == pytest.approx(one_sided, rel=1e-12)


def test_few_constant_and_broken_pairs() -> None:
    assert t_test([5.0] * (LEAST - 1)) == 1.0
    assert t_test([1.0, 2.0, float("nan"), 3.0, 4.0, 5.0]) == 1.0
    assert t_test([0.0] * 10) == 1.0 == t_test([0.0] * 10, greater=True)
    assert t_test([2.0] * LEAST, greater=True) == 2.0**-LEAST
    assert t_test([2.0] * LEAST) == t_test([-2.0] * LEAST) == 2 * 2.0**-LEAST
    assert t_test([-2.0] * LEAST, greater=True) == 1 - 2.0**-LEAST


def test_holm_on_a_known_family() -> None:
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}


def test_signs_follow_the_differences() -> None:
    noise = np.random.default_rng(0).normal(0, 1, (3, 30))
    found = signs({"up": (noise[0] + 2).tolist(), "down": (noise[1] - 2).tolist(), "level": noise[2].tolist()})
    assert found == {"up": 1, "down": -1, "level": 0}


@pytest.mark.parametrize("count", [2, 3, LEAST, 20])
def test_where_nothing_differs_a_verdict_is_rare(count: int) -> None:
    draws = np.random.default_rng(count).normal(0, 1, (400, 8, count))
    wrong = sum(any(signs({str(k): one.tolist() for k, one in enumerate(family)}).values()) for family in draws)
    assert wrong / 400 <= 0.08  # 1 in 20, and three standard errors of 400 families
