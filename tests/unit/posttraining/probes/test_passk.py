"""pass@k over questions: published numbers, counting, expectation, and who solves what."""

from itertools import combinations
from math import comb

import pytest

from antigrad.core import InputValueError
from antigrad.posttraining.probes.bootstrap import Resamples
from antigrad.posttraining.probes.passk import Solved, pass_curve, pass_gains, pass_values, solved_by


def verdicts(*counts: int, n: int = 8) -> list[list[bool]]:
    return [[True] * c + [False] * (n - c) for c in counts]


def resamples(questions: int) -> Resamples:
    return Resamples(questions, count=500, level=0.95, seed=0)


@pytest.mark.parametrize(("counts", "expected"), [((6, 0), 0.5), ((3, 1), 0.7142857142857143)])
def test_means_over_questions(counts: tuple[int, int], expected: float) -> None:
    curve = pass_curve(verdicts(*counts), [1, 4], resamples(2))
    assert curve[4].value == pytest.approx(expected, abs=1e-12)
    assert curve[1].value == pytest.approx(sum(counts) / 16, abs=1e-12)
    assert curve[4].low <= expected <= curve[4].high


def test_each_question_equals_counting_its_subsets() -> None:
    for n in range(1, 12):
        for c, one in enumerate(verdicts(*range(n + 1), n=n)):
            for k in range(1, n + 1):
                share = sum(any(one[i] for i in some) for some in combinations(range(n), k)) / comb(n, k)
                assert pass_values([one], k)[0] == pytest.approx(share, abs=1e-12), (n, c, k)


def test_the_mean_over_binomial_counts_is_that_of_independent_attempts() -> None:
    p, n, k = 0.2, 30, 6
    values = pass_values(verdicts(*range(n + 1), n=n), k)
    mean = sum(comb(n, c) * p**c * (1 - p) ** (n - c) * (values[c] or 0) for c in range(n + 1))
    assert mean == pytest.approx(1 - (1 - p) ** k, abs=1e-12)


def test_the_order_of_samples_does_not_matter_to_the_estimate() -> None:
    one = [False, True, False, False, True]
    assert pass_values([one], 3) == pass_values([one[::-1]], 3)


def test_gains_are_of_the_model_over_the_base_and_only_where_both_were_asked() -> None:
    base, model = [*verdicts(2, 4), None, *verdicts(8)], [*verdicts(6, 4, 8), None]
    gains = pass_gains(model, base, [1], resamples(4))
    assert gains[1].value == pytest.approx((6 - 2) / 8 / 2)
    assert gains[1].questions == 2
    assert pass_gains(base, model, [1], resamples(4))[1].value == pytest.approx(-0.25)


def test_a_gain_that_every_question_shows_is_told_from_none_though_the_curves_overlap() -> None:
    base, model = verdicts(0, 2, 4, 6), verdicts(1, 3, 5, 7)
    gain = pass_gains(model, base, [1], resamples(4))[1]
    assert (gain.low, gain.high) == pytest.approx((0.125, 0.125))
    assert gain.sign == 1
    ours, theirs = (pass_curve(rows, [1], resamples(4))[1] for rows in (model, base))
    assert ours.low < theirs.high
    assert pass_gains(base, model, [1], resamples(4))[1].sign == -1


def test_solved_counts_the_first_k_samples_of_each() -> None:
    late, early, never = [False, False, True], [True, False, False], [False] * 3
    model, base = [early, late, never, late, None], [late, early, never, never, early]
    assert solved_by(model, base, 1) == Solved(both=0, only_base=1, only_model=1, neither=2)
    assert solved_by(model, base, 3) == Solved(both=2, only_base=0, only_model=1, neither=1)
    assert solved_by(base, model, 3).only_base == 1


@pytest.mark.parametrize("k", [0, 4])
def test_more_attempts_than_samples_are_refused(k: int) -> None:
    with pytest.raises(InputValueError, match=f"k={k}"):
        solved_by([[True] * 3], [[True] * 3], k)
    with pytest.raises(InputValueError, match=f"k={k}"):
        pass_values([[True] * 3], k)
