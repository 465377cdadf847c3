"""The adaptive unlearning score, in its two forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antigrad.attacks.interval import Estimate
from antigrad.core.errors import InputValueError
from antigrad.unlearning.metrics.case import Case, Seen
from antigrad.unlearning.metrics.metric import Better, Metric, exact


def adaptive_score(scenario: str, *, test: float, original: float, forget: float) -> float:
    r"""AUS from accuracies.

    $$\frac{1-(A^t_{or}-A_t)}{1+\Delta},\qquad
    \Delta=|A_t-A_f|\text{ (homogeneous)},\quad\Delta=A_f\text{ (class removal)}$$

    Args:
        scenario: `class` or `homogeneous`: there is no default.
        test: A_t; of retained classes in class removal.
        original: A_or; the same of the original model.
        forget: A_f; forget training samples (homogeneous), test samples of removed classes (class removal).

    Returns:
        1 is ideal, more is possible.

    Raises:
        InputValueError: The scenario is neither.

    Source: Cotogni et al. 2023, arXiv 2312.02052, Eq. 6.

    Example:
        >>> round(adaptive_score("class", test=0.7156, original=0.7755, forget=0.0109), 6)
        0.929963
    """
    if scenario not in ("class", "homogeneous"):
        raise InputValueError(f"scenario {scenario!r}", "class or homogeneous", "say which: the forms differ")
    delta = forget if scenario == "class" else abs(test - forget)
    return (1 - (original - test)) / (1 + delta)


@dataclass(frozen=True)
class Aus(Metric):
    """AUS: little accuracy lost, and the forget set at chance or as unseen.

    Sign: higher is better. In its homogeneous form it never looks at the retrained model, and hardly tells a method
        from doing nothing: read the gap to retraining beside it.

    Source: Cotogni et al. 2023, arXiv 2312.02052, Eq. 6.

    Deviations: the scenario is that of the deletion, always said.

    Example:
        >>> Aus.ideal
        1.0
    """

    label: ClassVar[str] = "AUS"
    better: ClassVar[Better] = "higher"
    ideal: ClassVar[float | None] = 1.0

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        scenario = case.context.deletion.scenario
        test, forget = ("test_retained", "test_removed") if scenario == "class" else ("test", "forget")
        if not len(case.labels[forget]):
            forget = "forget"  # No test sample of a removed class.
        value = adaptive_score(
            scenario,
            test=case.accuracy(seen, test),
            original=case.accuracy(case.original, test),
            forget=case.accuracy(seen, forget),
        )
        return exact(value)
