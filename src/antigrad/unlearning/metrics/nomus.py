"""NoMUS: utility and forgetting in one figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antigrad.attacks.interval import Estimate
from antigrad.core.errors import InputValueError
from antigrad.unlearning.metrics.case import Case, Seen, Set
from antigrad.unlearning.metrics.logistic_loss_forget_vs_unseen import LogisticLossForgetVsUnseen
from antigrad.unlearning.metrics.metric import Better, Metric, exact


def normalised_score(test: float, attack: float, weight: float = 0.5) -> float:
    r"""NoMUS from a test accuracy and an attack's accuracy, $\lambda A+(1-\lambda)(1-2|0.5-MIA|)$.

    Args:
        test: Accuracy on the test set.
        attack: Accuracy of the attack, in [0, 1].
        weight: λ.

    Returns:
        0 is worst, 1 best.

    Example:
        >>> round(normalised_score(0.5952, 0.7136), 6)
        0.584
    """
    return weight * test + (1 - weight) * (1 - 2 * abs(0.5 - attack))


@dataclass(frozen=True)
class Nomus(Metric):
    """NoMUS: half utility, half how little the attack on losses can tell.

    Args:
        weight: λ of the utility.

    Raises:
        InputValueError: λ is not from 0 to 1.

    Sign: higher is better; but the retrained model may score below the original, and then higher is not nearer to it.

    Source: Choi & Na 2023, arXiv 2311.02240, Eq. 3.

    Deviations: of class removal, utility is that of retained classes.

    Example:
        >>> Nomus().weight
        0.5
    """

    label: ClassVar[str] = "NoMUS"
    better: ClassVar[Better] = "higher"
    ideal: ClassVar[float | None] = 1.0

    weight: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise InputValueError(f"weight={self.weight}", "from 0 to 1", "0.5 is the paper's")

    def fitted(self, case: Case) -> tuple[Set, ...]:  # noqa: D102
        return case.unseen()

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        test = "test_retained" if case.context.deletion.scenario == "class" else "test"
        attack = LogisticLossForgetVsUnseen()(case, seen)
        return exact(normalised_score(case.accuracy(seen, test), attack.value, self.weight))
