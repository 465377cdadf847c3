"""Estimates with intervals: shares, means, anything by bootstrap, and their gap to a reference."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, t

from antigrad.attacks.given import Array, scores
from antigrad.core.errors import InputValueError


@dataclass(frozen=True)
class Estimate:
    """A figure with a confidence interval.

    Args:
        value: The figure.
        low: Lower end.
        high: Upper end.

    Example:
        >>> Estimate(0.6, 0.4, 0.8).contains(0.5)
        True
    """

    value: float
    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether a value is within the interval, its ends included.

        Args:
            value: The value.

        Returns:
            True within.
        """
        return self.low <= value <= self.high

    def gap(self, other: Estimate) -> Estimate:
        """This figure minus another of independent samples, half-widths added as squares.

        Args:
            other: The reference.

        Returns:
            The difference with its interval.

        Sign: positive where this figure is the larger.

        Source: Newcombe 1998, method 10 (square-and-add), for shares; the same rule for other figures.

        Deviations: none.
        """
        value = self.value - other.value
        low = math.hypot(self.value - self.low, other.high - other.value)
        high = math.hypot(self.high - self.value, other.value - other.low)
        return Estimate(value, value - low, value + high)


def wilson(hits: int, count: int, level: float = 0.95) -> Estimate:
    r"""Share of hits with Wilson's interval.

    $$\frac{\hat p+\frac{z^2}{2n}\pm z\sqrt{\frac{\hat p(1-\hat p)}n+\frac{z^2}{4n^2}}}{1+\frac{z^2}n}$$

    Args:
        hits: Successes.
        count: Trials, n.
        level: Of confidence.

    Returns:
        Share and interval, within [0, 1].

    Raises:
        InputValueError: The numbers are not those of trials.

    Source: Wilson 1927.

    Deviations: none.

    Example:
        >>> found = wilson(8, 10)
        >>> round(found.low, 4), round(found.high, 4)
        (0.4902, 0.9433)
    """
    if count < 1 or not 0 <= hits <= count:
        raise InputValueError(f"{hits} of {count}", "0 ≤ hits ≤ count, at least one", "pass counts")
    z, p = float(norm.ppf((1 + level) / 2)), hits / count
    centre, scale = p + z * z / (2 * count), 1 + z * z / count
    half = z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    return Estimate(p, max(0.0, min(p, (centre - half) / scale)), min(1.0, max(p, (centre + half) / scale)))


def mean_interval(values: Any, level: float = 0.95) -> Estimate:
    """Mean over seeds or samples with Student's interval.

    Args:
        values: (n,) independent figures.
        level: Of confidence.

    Returns:
        Mean and interval; one value has an infinite one.

    Example:
        >>> found = mean_interval([1.0, 2.0, 3.0])
        >>> found.value, round(found.high - found.value, 4)
        (2.0, 2.4841)
    """
    given = scores(values, "values")
    mean, count = float(given.mean()), len(given)
    if count == 1:
        return Estimate(mean, -math.inf, math.inf)
    half = float(t.ppf((1 + level) / 2, count - 1) * given.std(ddof=1) / math.sqrt(count))
    return Estimate(mean, mean - half, mean + half)


def bootstrap(
    statistic: Callable[..., float], *samples: Array, level: float = 0.95, rounds: int = 1000, seed: int = 0
) -> Estimate:
    """Percentile bootstrap: every group of samples is drawn again with replacement, on its own.

    Args:
        statistic: Takes the groups, returns a figure.
        samples: Groups, each (n, ...).
        level: Of confidence.
        rounds: Draws.
        seed: Of the draws.

    Returns:
        The figure of the samples themselves, and the percentiles of the draws.

    Source: Efron 1979.

    Deviations: none.

    Example:
        >>> bootstrap(lambda a: float(a.mean()), np.ones(4), rounds=10)
        Estimate(value=1.0, low=1.0, high=1.0)
    """
    random = np.random.default_rng(seed)
    drawn = [statistic(*(one[random.integers(len(one), size=len(one))] for one in samples)) for _ in range(rounds)]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(statistic(*samples)), float(low), float(high))
