"""The estimator of pass@k against counting, published numbers and its expectation."""

from fractions import Fraction
from itertools import combinations
from math import comb

import pytest

from antigrad.core import InputValueError
from antigrad.objectives import pass_at_k_estimate


def test_pass_at_k_equals_counting_subsets() -> None:
    for n in range(1, 12):
        for c in range(n + 1):
            for k in range(1, n + 1):
                hits = sum(any(i < c for i in some) for some in combinations(range(n), k))
                assert pass_at_k_estimate(n, c, k) == pytest.approx(float(Fraction(hits, comb(n, k))), abs=1e-12)


def test_pass_at_k_golden_and_unbiased() -> None:
    assert (pass_at_k_estimate(8, 6, 4) + pass_at_k_estimate(8, 0, 4)) / 2 == 0.5
    assert (pass_at_k_estimate(8, 3, 4) + pass_at_k_estimate(8, 1, 4)) / 2 == pytest.approx(0.714286, abs=1e-6)
    p, n, k = 0.13, 40, 8
    mean = sum(comb(n, c) * p**c * (1 - p) ** (n - c) * pass_at_k_estimate(n, c, k) for c in range(n + 1))
    assert mean == pytest.approx(1 - (1 - p) ** k, abs=1e-12)
    for bad in ((4, 2, 5), (4, 5, 2), (4, 2, 0)):
        with pytest.raises(InputValueError, match="k ≤ n"):
            pass_at_k_estimate(*bad)
