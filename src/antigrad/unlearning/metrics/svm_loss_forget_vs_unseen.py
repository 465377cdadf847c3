"""DUCK's later attack: a support-vector machine on losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from antigrad.attacks.classify import GRID_ON_LOSS, HeldOut, svm_apart
from antigrad.attacks.features import label_loss
from antigrad.attacks.interval import Estimate
from antigrad.attacks.roc import Roc
from antigrad.unlearning.metrics.case import Case, Seen, Set
from antigrad.unlearning.metrics.metric import Better, Metric


@dataclass(frozen=True)
class SvmLossForgetVsUnseen(Metric):
    """Accuracy of an SVM on per-sample losses that tells the forget set from unseen samples.

    Args:
        repeats: Splits; ten in the authors' code.

    Sign: .5 where the two are indistinguishable. Above: forgotten samples can be distinguished from unseen ones.

    Source: Cotogni et al., code of 2024: cross-entropy of each sample, standardised, 70/30.

    Deviations: three repeats by default.

    Example:
        >>> SvmLossForgetVsUnseen.ideal
        0.5
    """

    label: ClassVar[str] = "attack: SVM on loss, forgotten against unseen"
    better: ClassVar[Better] = "as retrained"
    ideal: ClassVar[float | None] = 0.5
    attack: ClassVar[Mapping[str, str]] = {
        "attack": "SVM (RBF)",
        "feature": "cross-entropy of the label",
        "direction": "accuracy of telling forgotten from unseen samples",
    }

    repeats: int = 3

    def fitted(self, case: Case) -> tuple[Set, ...]:  # noqa: D102
        return case.unseen()

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        return self._apart(case, seen).accuracy

    def curve(self, case: Case, seen: Seen) -> Roc:  # noqa: D102
        return self._apart(case, seen).roc

    def _apart(self, case: Case, seen: Seen) -> HeldOut:
        losses = [label_loss(seen.probabilities(which), case.labels[which])[:, None] for which in case.unseen()]
        seed = case.context.seed
        return svm_apart(*losses, grid=GRID_ON_LOSS, held_out=0.3, repeats=self.repeats, scaled=True, seed=seed)
