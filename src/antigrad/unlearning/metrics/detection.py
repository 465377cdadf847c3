"""Can the unlearned model's outputs be distinguished from a retrained model's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from antigrad.attacks.classify import HeldOut, svm_apart
from antigrad.attacks.interval import Estimate
from antigrad.attacks.roc import Roc
from antigrad.unlearning.metrics.case import Case, Seen, Set
from antigrad.unlearning.metrics.metric import Better, Metric


@dataclass(frozen=True)
class Detection(Metric):
    """Accuracy of an SVM that tells the softmax outputs of this model from a retrained one's, on the forget set.

    Args:
        repeats: Splits.

    Sign: .5 where the two are indistinguishable. Two retrained models can be distinguished too: their figure is what is
    to be reached.

    Source: ours; no paper.

    Deviations: none. A sample is never fitted to under one model and asked about under the other.

    Example:
        >>> Detection.relative
        True
    """

    label: ClassVar[str] = "detection: unlearned against retrained, on forgotten samples"
    better: ClassVar[Better] = "as retrained"
    ideal: ClassVar[float | None] = 0.5
    needs: ClassVar[tuple[str, ...]] = ("retrained",)
    relative: ClassVar[bool] = True
    attack: ClassVar[Mapping[str, str]] = {
        "attack": "SVM (RBF)",
        "feature": "softmax vector",
        "direction": "accuracy of telling this model's outputs from a retrained model's",
    }

    repeats: int = 3

    def fitted(self, case: Case) -> tuple[Set, ...]:  # noqa: D102
        return ("forget",)

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        return self._apart(case, seen).accuracy

    def curve(self, case: Case, seen: Seen) -> Roc:  # noqa: D102
        return self._apart(case, seen).roc

    def _apart(self, case: Case, seen: Seen) -> HeldOut:
        case.needed("retrained")
        own, other = seen.probabilities("forget"), (case.retrained or seen).probabilities("forget")
        return svm_apart(own.numpy(), other.numpy(), repeats=self.repeats, paired=True, seed=case.context.seed)
