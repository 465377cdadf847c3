r"""Intervals by drawing questions again: percentile bootstrap of ratios of sums.

| symbol | shape | meaning |
| --- | --- | --- |
| $w$ | (R, Q) | how often question q is in resample r |
| $a,b$ | (Q,) | numerators and denominators of a measure; a mean has b = 1 |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from antigrad.core.errors import InputValueError

Values = Sequence[float | None]
"""One figure a question; None or NaN where a question has none."""


_FEW = 200
"""Up to so many questions, counts have a byte each. Of more, none is above 15 but for one in 5·10¹³: that counts 15."""
LEAST_WITH_SIGN = 10
"""Fewest questions with a verdict: of fewer, resamples are too coarse for the tail it needs."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Args:
        value: The figure; NaN where no question has one.
        low: Lower end of the interval; NaN where fewer than two questions have a figure.
        high: Upper end.
        questions: How many questions the figure is from.
        sign: 1 or −1 where it is above or below zero beyond chance, with all comparisons of the verdict; else 0.
    """

    value: float
    low: float
    high: float
    questions: int
    sign: int = 0


class Resamples:
    r"""Questions drawn again with replacement, the same draws for every measure, so that differences are paired.

    $$\hat\theta=\frac{\sum_qa_q}{\sum_qb_q},\qquad\hat\theta_r=\frac{\sum_qw_{rq}a_q}{\sum_qw_{rq}b_q}$$

    The interval has the quantiles (1 − level)/2 and (1 + level)/2 of the resampled figures. A sign is given by a wider
    one: its tails are those of Student's t with n − 1 degrees of freedom, for each of the comparisons,

    $$\alpha'=\Phi\Big(-\sqrt{n/(n-1)}\;t_{1-\alpha/2m,\,n-1}\Big)$$

    Args:
        questions: Q.
        count: R.
        level: Share of the resamples inside the interval.
        seed: Of the draws.
        comparisons: m, how many figures share one verdict.

    Raises:
        InputValueError: No question or resample, or a level that is no share.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, ch. 13 (percentile interval); Hesterberg 2015,
        arXiv 1411.5279, sec. 3 (expanded percentile interval).

    Deviations: resamples in which the denominator is 0 are left out. One question gives no interval instead of
        one without width.

    Example:
        >>> estimate = Resamples(4, count=1000, level=0.95, seed=0).ratio([0.0, 0.0, 1.0, 1.0])
        >>> estimate.value, estimate.low, estimate.high
        (0.5, 0.0, 1.0)
    """

    def __init__(self, questions: int, *, count: int, level: float, seed: int, comparisons: int = 1) -> None:
        if questions < 1 or count < 1 or not 0 < level < 1:
            given = f"questions={questions}, count={count}, level={level}"
            raise InputValueError(given, "at least one of each, and a level between 0 and 1", "0.95 is usual")
        self.level, self.comparisons = level, max(1, comparisons)
        rng, share = np.random.default_rng(seed), np.full(questions, 1 / questions)
        # Counts are small numbers: two of them share a byte, and a few resamples at a time are made into floats.
        self._questions = questions
        self._packed = np.empty((count, (questions + 1) // 2), dtype=np.uint8 if questions > _FEW else np.uint16)
        for number in range(count):
            drawn = np.zeros(2 * self._packed.shape[1], dtype=self._packed.dtype)
            drawn[:questions] = np.minimum(rng.multinomial(questions, share), 15 if questions > _FEW else questions)
            self._packed[number] = drawn[::2] | (drawn[1::2] << (4 * drawn.itemsize))

    def ratio(self, top: Values, bottom: Values | None = None) -> Estimate:
        """Estimate a ratio of sums over questions, or a mean.

        Args:
            top: Q numerators; a question whose numerator is missing counts in neither sum.
            bottom: Q denominators, at least 0; None for a mean over the questions that have a numerator.

        Returns:
            The figure and its interval.
        """
        a = np.array([math.nan if value is None else value for value in top], dtype=np.float64)
        b = np.ones_like(a) if bottom is None else np.array([value or 0.0 for value in bottom], dtype=np.float64)
        known = ~np.isnan(a) & (b > 0)
        a, b = np.where(known, a, 0.0), np.where(known, b, 0.0)
        count = int(known.sum())
        if not count:
            return Estimate(math.nan, math.nan, math.nan, 0)
        value = float(a.sum() / b.sum())
        if count == 1:
            return Estimate(value, math.nan, math.nan, 1)
        tops, bottoms = self._sums(a), self._sums(b)
        some = bottoms > 0
        tail, wide = (1 - self.level) / 2, self._wide_tail(count)
        low, high, lowest, highest = np.quantile(tops[some] / bottoms[some], [tail, 1 - tail, wide, 1 - wide])
        sign = int(lowest > 0) - int(highest < 0) if count >= LEAST_WITH_SIGN else 0
        return Estimate(value, float(low), float(high), count, sign)

    def _sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        some, half = max(1, 1_000_000 // len(values)), 4 * self._packed.itemsize
        parts: list[NDArray[np.float64]] = []
        for at in range(0, len(self._packed), some):
            packed = self._packed[at : at + some]
            weights = np.empty((len(packed), 2 * packed.shape[1]))
            weights[:, ::2], weights[:, 1::2] = packed & ((1 << half) - 1), packed >> half
            parts.append(weights[:, : self._questions] @ values)
        return np.concatenate(parts)

    def _wide_tail(self, count: int) -> float:
        least = t.ppf(1 - (1 - self.level) / 2 / self.comparisons, count - 1)
        return float(norm.cdf(-np.sqrt(count / (count - 1)) * least))
