"""Accuracy on one of the sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, get_args

from antigrad.attacks.interval import Estimate, wilson
from antigrad.core.errors import InputValueError, did_you_mean
from antigrad.unlearning.metrics.case import Case, Seen, Set
from antigrad.unlearning.metrics.metric import Better, Metric

WORDS = {
    "forget": "accuracy, forgotten samples",
    "retain": "accuracy, retained samples",
    "gone": "accuracy, samples of earlier deletions",
    "test": "accuracy, test samples",
    "test_retained": "accuracy, test samples of retained classes",
    "test_removed": "accuracy, test samples of removed classes",
}


@dataclass(frozen=True)
class Accuracy(Metric):
    """Share of right answers on a set, with Wilson's interval.

    Args:
        on: `forget`, `retain` and `gone`, what earlier deletions of a sequence forgot, are training samples; `test`,
            `test_retained`, `test_removed` were never seen.

    Raises:
        InputValueError: There is no such set.

    Sign: as retrained; unlearning accuracy (UA) is one minus that on `forget`.

    Source: RA, FA, TA of Fan et al. 2023, arXiv 2310.12508.

    Deviations: none.

    Example:
        >>> Accuracy(on="retain").title()
        'accuracy, retained samples'
    """

    label: ClassVar[str] = "accuracy"
    better: ClassVar[Better] = "as retrained"

    on: Set = "forget"

    def __post_init__(self) -> None:
        if self.on not in get_args(Set):
            raise InputValueError(f"on={self.on!r}", "a set of samples", did_you_mean(str(self.on), get_args(Set)))

    def title(self) -> str:  # noqa: D102
        return WORDS[self.on]

    def applies(self, case: Case) -> bool:  # noqa: D102
        return len(case.labels[self.on]) > 0

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        right = seen.logits[self.on].argmax(1) == case.labels[self.on]
        return wilson(int(right.sum()), len(right))
