"""The membership attack of bad teaching and SSD: a logistic regression on entropy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from antigrad.attacks.classify import share_like_others
from antigrad.attacks.features import entropy
from antigrad.attacks.interval import Estimate
from antigrad.attacks.roc import Roc
from antigrad.unlearning.metrics.case import Case, Seen, Set
from antigrad.unlearning.metrics.metric import Better, Metric, curve_of_halves


@dataclass(frozen=True)
class EntropyForgetAsMember(Metric):
    """Share of the forget set that a logistic regression on entropy, of retain against test, takes for members.

    Sign: as retrained; low when forgotten samples look unseen.

    Source: Chundawat et al. 2022, arXiv 2205.08096; Foster et al. 2023, arXiv 2308.07707.

    Deviations: both sides are cut to one size.

    Example:
        >>> EntropyForgetAsMember.attack["feature"]
        'entropy'
    """

    label: ClassVar[str] = "attack: logistic on entropy, forgotten taken for members"
    better: ClassVar[Better] = "as retrained"
    attack: ClassVar[Mapping[str, str]] = {
        "attack": "logistic regression of retain against test",
        "feature": "entropy",
        "direction": "share of forgotten samples taken for members",
    }

    def fitted(self, case: Case) -> tuple[Set, ...]:  # noqa: D102
        return "retain", "test"

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        retain, test, forget = (entropy(seen.probabilities(which))[:, None] for which in ("retain", "test", "forget"))
        found = share_like_others(retain, test, forget, logistic=True, seed=case.context.seed)
        return Estimate(1 - found.value, 1 - found.high, 1 - found.low)

    def curve(self, case: Case, seen: Seen) -> Roc | None:  # noqa: D102
        return curve_of_halves(case, lambda which: entropy(seen.probabilities(which))[:, None], logistic=True)
