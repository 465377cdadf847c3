"""SalUn's membership attack with its five features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch

from antigrad.attacks.classify import share_like_others
from antigrad.attacks.features import confidence, entropy, modified_entropy
from antigrad.attacks.given import Array
from antigrad.attacks.interval import Estimate
from antigrad.attacks.roc import Roc
from antigrad.core.errors import InputValueError, did_you_mean
from antigrad.unlearning.metrics.case import Case, Seen, Set
from antigrad.unlearning.metrics.metric import Better, Metric, curve_of_halves

Feature = Literal["confidence", "correctness", "entropy", "modified_entropy", "vector"]
MOST = 2000
"""Samples a side that the machine is fitted to."""
STREAM = 32
"""Of their draw."""


@dataclass(frozen=True)
class SalunForgetAsUnseen(Metric):
    """Membership-attack efficacy: share of the forget set that an SVM of retain against test takes for unseen.

    Args:
        feature: `confidence` (the paper's figure), `correctness`, `entropy`, `modified_entropy` or `vector`.

    Raises:
        InputValueError: There is no such feature.

    Sign: as retrained; high when forgotten samples look unseen.

    Source: Fan et al. 2023, arXiv 2310.12508, Section 5; SVC with C 3, gamma auto.

    Deviations: a fraction, not percent; at most 2,000 samples a side, drawn at random.

    Example:
        >>> SalunForgetAsUnseen().feature
        'confidence'
    """

    label: ClassVar[str] = "attack: SVM, forgotten taken for unseen"
    better: ClassVar[Better] = "as retrained"
    attack: ClassVar[Mapping[str, str]] = {
        "attack": "SVM (RBF) of retain against test",
        "feature": "see the name",
        "direction": "share of forgotten samples taken for unseen",
    }

    feature: Feature = "confidence"

    def __post_init__(self) -> None:
        if self.feature not in get_args(Feature):
            hint = did_you_mean(str(self.feature), get_args(Feature))
            raise InputValueError(f"feature={self.feature!r}", "a feature", hint)

    def title(self) -> str:  # noqa: D102
        return f"attack: SVM on {self.feature.replace('_', ' ')}, forgotten taken for unseen"

    def fitted(self, case: Case) -> tuple[Set, ...]:  # noqa: D102
        return "retain", "test_retained" if case.context.deletion.scenario == "class" else "test"

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        retain, unseen = (self.some(case, seen, which) for which in self.fitted(case))
        return share_like_others(retain, unseen, self.of(case, seen, "forget"), seed=case.context.seed)

    def curve(self, case: Case, seen: Seen) -> Roc | None:  # noqa: D102
        return curve_of_halves(case, lambda which: self.some(case, seen, which))

    def some(self, case: Case, seen: Seen, which: Set) -> Array:
        """Compute the feature of at most so many samples, drawn at random: data may be in the order of their classes.

        Args:
            case: The case.
            seen: What a model says.
            which: The set.

        Returns:
            (n, D).
        """
        found = self.of(case, seen, which)
        if len(found) <= MOST:
            return found
        return found[torch.randperm(len(found), generator=case.context.generator(STREAM))[:MOST].numpy()]

    def of(self, case: Case, seen: Seen, which: Set) -> Array:
        """Compute the feature.

        Args:
            case: The case.
            seen: What a model says.
            which: The set.

        Returns:
            (N, D).
        """
        p, y = seen.probabilities(which).numpy(), case.labels[which].numpy()
        if self.feature == "vector":
            return p
        found = {
            "confidence": lambda: confidence(p, y),
            "correctness": lambda: (p.argmax(1) == y).astype(float),
            "entropy": lambda: entropy(p),
            "modified_entropy": lambda: modified_entropy(p, y),
        }
        return found[self.feature]()[:, None]
