"""The attack of NoMUS: a logistic regression on losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from antigrad.attacks.classify import logistic_apart
from antigrad.attacks.features import label_loss
from antigrad.attacks.interval import Estimate
from antigrad.attacks.roc import Roc, roc
from antigrad.unlearning.metrics.case import Case, Seen, Set
from antigrad.unlearning.metrics.metric import Better, Metric


@dataclass(frozen=True)
class LogisticLossForgetVsUnseen(Metric):
    """Accuracy of a logistic regression on per-sample losses that tells the forget set from unseen samples.

    Sign: .5 where the two are indistinguishable. Above: forgotten samples can be distinguished from unseen ones.

    Source: Choi & Na 2023, arXiv 2311.02240; the starting kit of the NeurIPS 2023 unlearning challenge.

    Deviations: of class removal, unseen samples are of the removed classes.

    Example:
        >>> LogisticLossForgetVsUnseen.ideal
        0.5
    """

    label: ClassVar[str] = "attack: logistic on loss, forgotten against unseen"
    better: ClassVar[Better] = "as retrained"
    ideal: ClassVar[float | None] = 0.5
    attack: ClassVar[Mapping[str, str]] = {
        "attack": "logistic regression",
        "feature": "cross-entropy of the label",
        "direction": "accuracy of telling forgotten from unseen samples",
    }

    def fitted(self, case: Case) -> tuple[Set, ...]:  # noqa: D102
        return case.unseen()

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        forget, unseen = (label_loss(seen.probabilities(which), case.labels[which]) for which in case.unseen())
        return logistic_apart(unseen, forget, seed=case.context.seed)

    def curve(self, case: Case, seen: Seen) -> Roc:  # noqa: D102
        # A logistic regression on one number is a threshold on it.
        forget, unseen = (-label_loss(seen.probabilities(which), case.labels[which]) for which in case.unseen())
        return roc(forget, unseen)
