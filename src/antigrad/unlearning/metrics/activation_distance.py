"""Distance of outputs on the forget set from the retrained model's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antigrad.attacks.interval import Estimate, mean_interval
from antigrad.unlearning.metrics.case import Case, Seen
from antigrad.unlearning.metrics.metric import Better, Metric


@dataclass(frozen=True)
class ActivationDistance(Metric):
    """Activation distance: mean L2 distance of softmax outputs on the forget set from the retrained model's.

    Sign: lower is better; two retrained models differ too.

    Source: Golatkar et al. 2021, arXiv 2012.13431; Chundawat et al. 2022, arXiv 2205.08096.

    Deviations: none.

    Example:
        >>> ActivationDistance.better
        'lower'
    """

    label: ClassVar[str] = "activation distance from retraining"
    better: ClassVar[Better] = "lower"
    ideal: ClassVar[float | None] = 0.0
    needs: ClassVar[tuple[str, ...]] = ("retrained",)
    relative: ClassVar[bool] = True

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        case.needed("retrained")
        other = (case.retrained or seen).probabilities("forget")
        return mean_interval((seen.probabilities("forget") - other).norm(dim=1).numpy())
