r"""When figures of a few pairs carry a verdict: Student's t on differences, with multiplicity, and a least count.

| symbol | meaning |
| --- | --- |
| $d_i$ | difference of pair i: the same picture, question or seed |
| $t$ | $\bar d/(s_d/\sqrt n)$, n − 1 degrees of freedom |
| $m$ | comparisons that share one verdict, by Holm |
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

LEAST = 6
"""Fewest pairs with a verdict: below, even a unanimous sign has a chance of more than 1 in 20 (2 · 2⁻⁵)."""
LEVEL = 0.05
"""Chance of any wrong verdict among the comparisons, where nothing differs."""
Sign = Literal[-1, 0, 1]


def t_test(differences: Sequence[float], *, greater: bool = False) -> float:
    r"""P-value of the mean of paired differences.

    Args:
        differences: n finite numbers.
        greater: One-sided: above zero; otherwise two-sided.

    Returns:
        p; 1 for fewer than `LEAST` pairs, for differences that are not finite, and where all are 0.

    Source: Student 1908.

    Example:
        >>> round(t_test([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 4), t_test([1.0, 2.0])
        (0.0059, 1.0)
    """
    count = len(differences)
    if count < LEAST or not all(math.isfinite(one) for one in differences):
        return 1.0
    mean = sum(differences) / count
    spread = math.sqrt(sum((one - mean) ** 2 for one in differences) / (count - 1))
    if spread <= 1e-12 * abs(mean):  # all the same: as sure as their signs are
        tail = 0.0 if mean == 0 else 2.0**-count
        one_sided = 1.0 if mean == 0 else tail if mean > 0 else 1 - tail
        return one_sided if greater else min(1.0, 2 * min(one_sided, 1 - one_sided) if mean else 1.0)
    return t_test_of(mean, spread / math.sqrt(count), count, greater=greater)


def t_test_of(mean: float, error: float, count: int, *, greater: bool = False) -> float:
    """P-value of a mean whose standard error is known from the same pairs.

    Args:
        mean: Mean of the differences.
        error: Its standard error, above 0.
        count: Pairs, at least 2.
        greater: One-sided: above zero; otherwise two-sided.

    Returns:
        p by Student's t with `count` − 1 degrees of freedom.

    Example:
        >>> round(t_test_of(2.5, 1.0, 2), 2), round(t_test_of(2.5, 1.0, 100), 3)  # two standard errors are not enough
        (0.24, 0.014)
    """
    from scipy.stats import t

    return float(t.sf(mean / error, count - 1) if greater else 2 * t.sf(abs(mean / error), count - 1))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    r"""Adjust p-values of comparisons that share one verdict.

    $$\tilde p_{(k)}=\max_{j\le k}\min\big(1,(m-j+1)\,p_{(j)}\big)$$

    Args:
        p_values: Name and p.

    Returns:
        Name and adjusted p, in the order given.

    Source: Holm 1979.

    Example:
        >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
        {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    adjusted: dict[str, float] = {}
    highest = 0.0
    for place, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[name]))
        adjusted[name] = round(highest, 12)
    return {name: adjusted[name] for name in p_values}


def signs(differences: Mapping[str, Sequence[float]]) -> dict[str, Sign]:
    """Decide which of several paired differences are above or below zero.

    Args:
        differences: Name and differences of its pairs.

    Returns:
        1, −1, or 0: indistinguishable from zero. The chance of any wrong sign is at most `LEVEL`.

    Example:
        >>> signs({"up": [1.0, 1.1, 0.9, 1.0, 1.2, 0.8], "few": [1.0, 1.1]})
        {'up': 1, 'few': 0}
    """
    adjusted = holm({name: t_test(values) for name, values in differences.items()})
    return {name: 0 if adjusted[name] > LEVEL else 1 if sum(differences[name]) > 0 else -1 for name in differences}
