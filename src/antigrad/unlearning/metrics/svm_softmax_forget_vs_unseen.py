"""DUCK's first attack: a support-vector machine on softmax vectors."""

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
class SvmSoftmaxForgetVsUnseen(Metric):
    """Accuracy of an SVM on softmax vectors that tells the forget set from unseen samples.

    Args:
        repeats: Splits; three in the paper.

    Sign: .5 where the two are indistinguishable. Above: forgotten samples can be distinguished from unseen ones.

    Source: Cotogni et al. 2023, arXiv 2312.02052, v1, Section 4.3; their "F1" is micro-averaged, which is accuracy.

    Deviations: of class removal, unseen samples are of the removed classes.

    Example:
        >>> SvmSoftmaxForgetVsUnseen().repeats
        3
    """

    label: ClassVar[str] = "attack: SVM on softmax, forgotten against unseen"
    better: ClassVar[Better] = "as retrained"
    ideal: ClassVar[float | None] = 0.5
    attack: ClassVar[Mapping[str, str]] = {
        "attack": "SVM (RBF)",
        "feature": "softmax vector",
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
        forget, unseen = (seen.probabilities(which).numpy() for which in case.unseen())
        return svm_apart(forget, unseen, repeats=self.repeats, seed=case.context.seed)
