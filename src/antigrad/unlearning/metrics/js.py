"""Divergence of outputs on the forget set from the retrained model's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antigrad.attacks.interval import Estimate, mean_interval
from antigrad.unlearning.metrics.case import Case, Seen
from antigrad.unlearning.metrics.divergences import jensen_shannon
from antigrad.unlearning.metrics.metric import Better, Metric


@dataclass(frozen=True)
class Js(Metric):
    """JS divergence from the retrained model's outputs on the forget set, in bits.

    Sign: lower is better; two retrained models differ too.

    Source: Golatkar et al. 2020 and later tables of the field; no single paper.

    Deviations: none.

    Example:
        >>> Js.ideal
        0.0
    """

    label: ClassVar[str] = "JS divergence from retraining, forgotten samples"
    better: ClassVar[Better] = "lower"
    ideal: ClassVar[float | None] = 0.0
    needs: ClassVar[tuple[str, ...]] = ("retrained",)
    relative: ClassVar[bool] = True

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        case.needed("retrained")
        other = (case.retrained or seen).probabilities("forget")
        return mean_interval(jensen_shannon(seen.probabilities("forget"), other).numpy())
