"""Kolmogorov and Smirnov's test: do two groups of scores come from one distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy.stats import ks_2samp

from antigrad.attacks.given import scores


@dataclass(frozen=True)
class Ks:
    """Outcome of the test.

    Args:
        distance: Largest gap of the two cumulative distributions, in [0, 1].
        p_value: Probability of a gap at least as large from one distribution.
    """

    distance: float
    p_value: float


def ks(first: Any, second: Any) -> Ks:
    """Two-sample test, two-sided.

    Args:
        first: (m,) scores.
        second: (n,) scores.

    Returns:
        Distance and p-value; forget quality in the sense of TOFU is the p-value between an unlearned model and a
        retrained one: 1 is ideal, near 0 says that they differ.

    Sign: none; the distance does not say which group is higher.

    Source: Maini et al. 2024, arXiv 2401.06121 (TOFU), forget quality.

    Deviations: none.

    Example:
        >>> ks([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).p_value
        1.0
    """
    found = ks_2samp(scores(first, "scores"), scores(second, "scores"))
    return Ks(float(found.statistic), float(found.pvalue))  # pyright: ignore
