"""Tug of war: closeness to the retrained model on forget, retain and test sets at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from antigrad.attacks.interval import Estimate
from antigrad.unlearning.metrics.average_gap import AverageGap
from antigrad.unlearning.metrics.case import Case, Seen
from antigrad.unlearning.metrics.metric import Better, Metric, exact


def tug_of_war(unlearned: tuple[float, ...], retrained: tuple[float, ...]) -> float:
    r"""Product of closenesses, $\prod_S(1-|A_S(\theta_u)-A_S(\theta_r)|)$.

    Args:
        unlearned: Accuracies of the unlearned model.
        retrained: The same of the retrained one.

    Returns:
        1 is ideal.

    Example:
        >>> round(tug_of_war((0.9, 0.8, 0.7), (0.8, 0.9, 0.75)), 6)
        0.7695
    """
    return math.prod(1 - abs(one - two) for one, two in zip(unlearned, retrained, strict=True))


@dataclass(frozen=True)
class Tow(Metric):
    """ToW: the product over sets of one minus the gap of accuracies to retraining.

    Sign: higher is better.

    Source: Zhao et al. 2024, arXiv 2406.01257 (RUM), Eq. 2.

    Deviations: of class removal the test set is that of retained classes.

    Example:
        >>> Tow.ideal
        1.0
    """

    label: ClassVar[str] = "ToW"
    better: ClassVar[Better] = "higher"
    ideal: ClassVar[float | None] = 1.0
    needs: ClassVar[tuple[str, ...]] = ("retrained",)
    relative: ClassVar[bool] = True

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        case.needed("retrained")
        figures = AverageGap(attack_too=False).figures
        return exact(tug_of_war(figures(case, seen), figures(case, case.retrained or seen)))
