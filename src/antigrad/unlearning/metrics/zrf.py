"""Zero-retrain forgetting: are outputs on the forget set those of a network that knows nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antigrad.attacks.interval import Estimate, mean_interval
from antigrad.unlearning.metrics.case import Case, Seen
from antigrad.unlearning.metrics.divergences import jensen_shannon
from antigrad.unlearning.metrics.metric import Better, Metric


@dataclass(frozen=True)
class Zrf(Metric):
    """ZRF: one minus the divergence of outputs on the forget set from those of a random network.

    Args:
        base: Of the logarithm: `2`, or `e`.

    Sign: as retrained: 1 is a model that knows nothing of the forget set, which a retrained one need not be.

    Source: Chundawat et al. 2022, arXiv 2205.08096, Eq. 4.

    Deviations: the source does not say the base.

    Example:
        >>> Zrf().base
        '2'
    """

    label: ClassVar[str] = "ZRF"
    better: ClassVar[Better] = "as retrained"
    needs: ClassVar[tuple[str, ...]] = ("random",)

    base: str = "2"

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", str(self.base))

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        apart = jensen_shannon(seen.probabilities("forget"), case.random_probabilities("forget"), self.base)
        return mean_interval((1 - apart).numpy())
