"""The ROC of a score that should tell two groups apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, rankdata

from antigrad.attacks.given import Array, scores
from antigrad.attacks.interval import Estimate


@dataclass(frozen=True)
class Roc:
    """A receiver operating characteristic.

    Args:
        false_positive: Share of the others at or above each threshold, from 0 to 1.
        true_positive: Share of the members at or above it.
        auc: Area under the curve with DeLong's interval.
    """

    false_positive: Array
    true_positive: Array
    auc: Estimate

    def true_positive_at(self, false_positive: float) -> float:
        """Largest share of members found while at most so many others are taken for members.

        Args:
            false_positive: From 0 to 1.

        Returns:
            The share.
        """
        return float(self.true_positive[self.false_positive <= false_positive].max())


def roc(members: Any, others: Any, level: float = 0.95) -> Roc:
    r"""ROC and area of a score that is higher for members.

    $$AUC=\Pr(s_m>s_o)+\tfrac12\Pr(s_m=s_o)$$

    Args:
        members: (m,) scores of members.
        others: (n,) scores of the others.
        level: Of confidence.

    Returns:
        The curve; its area is .5 where the score says nothing.

    Sign: above .5 when members have the higher scores, below .5 when the direction is the other one.

    Source: DeLong et al. 1988 for the variance; Sun & Xu 2014 for its form with midranks.

    Deviations: none.

    Example:
        >>> found = roc([3.0, 2.0, 2.0], [1.0, 2.0])
        >>> round(found.auc.value, 4), round(found.true_positive_at(0.0), 4)
        (0.8333, 0.3333)
    """
    inside, outside = scores(members, "scores of members"), scores(others, "scores of others")
    cuts = np.unique(np.concatenate([inside, outside]))[::-1]
    false, true = (np.concatenate([[0.0], _shares(side, cuts)]) for side in (outside, inside))
    return Roc(false, true, _area(inside, outside, level))


def _shares(values: Array, cuts: Array) -> Array:
    return 1 - np.searchsorted(np.sort(values), cuts, side="left") / len(values)


def _area(inside: Array, outside: Array, level: float) -> Estimate:
    m, n = len(inside), len(outside)
    ranks = rankdata(np.concatenate([inside, outside]))
    # For each member the share of others below it, for each other the share of members above it.
    below = (ranks[:m] - rankdata(inside)) / n
    above = 1 - (ranks[m:] - rankdata(outside)) / m
    area = float(below.mean())
    variance = (below.var(ddof=1) / m if m > 1 else 0.0) + (above.var(ddof=1) / n if n > 1 else 0.0)
    half = float(norm.ppf((1 + level) / 2)) * math.sqrt(variance)
    return Estimate(area, max(0.0, area - half), min(1.0, area + half))
