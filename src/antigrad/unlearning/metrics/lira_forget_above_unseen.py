"""Offline LiRA: the area under the ROC of forgotten against unseen samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from antigrad.attacks.features import logit_margin
from antigrad.attacks.given import Array
from antigrad.attacks.interval import Estimate
from antigrad.attacks.lira import offline_lira
from antigrad.attacks.roc import Roc, roc
from antigrad.unlearning.metrics.case import Case, Seen, Set
from antigrad.unlearning.metrics.metric import Better, Metric


@dataclass(frozen=True)
class LiraForgetAboveUnseen(Metric):
    """AUC of the offline likelihood-ratio attack, one-sided: forgotten samples above unseen ones.

    Sign: .5 where the two are indistinguishable; above: they still look like members; below: over-unlearned.

    Source: Carlini et al. 2022, arXiv 2112.03570; as used in Cotogni et al., code of 2024.

    Deviations: the number of shadow models is the user's; 80 in the source.

    Example:
        >>> LiraForgetAboveUnseen.needs
        ('shadows',)
    """

    label: ClassVar[str] = "attack: offline LiRA, AUC of forgotten above unseen"
    better: ClassVar[Better] = "as retrained"
    ideal: ClassVar[float | None] = 0.5
    needs: ClassVar[tuple[str, ...]] = ("shadows",)
    attack: ClassVar[Mapping[str, str]] = {
        "attack": "offline LiRA (shadow models)",
        "feature": "logit of the label's probability",
        "direction": "AUC of forgotten above unseen samples",
    }

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        return self.curve(case, seen).auc

    def curve(self, case: Case, seen: Seen) -> Roc:  # noqa: D102
        forget, unseen = (self.scores(case, seen, which) for which in case.unseen())
        return roc(forget, unseen)

    def scores(self, case: Case, seen: Seen, which: Set) -> Array:
        """Compute the score of membership.

        Args:
            case: The case.
            seen: What a model says.
            which: The set.

        Returns:
            (N,) in [0, 1].
        """
        case.needed("shadows")
        mask, models = case.shadows or (torch.empty(0, 0), [])
        labels = case.labels[which].numpy()
        table = [logit_margin(logits[which].double().softmax(1).numpy(), labels) for logits in models]
        saw = mask[:, case.context.deletion.mask] if which == "forget" else torch.zeros(len(models), len(labels))
        return offline_lira(logit_margin(seen.probabilities(which).numpy(), labels), table, saw.bool().numpy())
