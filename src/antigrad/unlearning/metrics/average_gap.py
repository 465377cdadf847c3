"""Mean gap of accuracies and of an attack to the retrained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antigrad.attacks.interval import Estimate
from antigrad.unlearning.metrics.case import Case, Seen, Set
from antigrad.unlearning.metrics.metric import Better, Metric, exact
from antigrad.unlearning.metrics.salun_forget_as_unseen import SalunForgetAsUnseen


def mean_gap(unlearned: tuple[float, ...], retrained: tuple[float, ...]) -> float:
    """Mean of absolute differences.

    Args:
        unlearned: Figures of the unlearned model.
        retrained: The same of the retrained one.

    Returns:
        0 is ideal.

    Example:
        >>> round(mean_gap((0.9, 0.8, 0.7), (0.8, 0.9, 0.75)), 6)
        0.083333
    """
    return sum(abs(one - two) for one, two in zip(unlearned, retrained, strict=True)) / len(unlearned)


@dataclass(frozen=True)
class AverageGap(Metric):
    """Average gap: mean difference from retraining over accuracies on retain, forget and test sets, and SalUn's attack.

    Args:
        attack_too: Count the attack as the fourth figure.

    Sign: lower is better.

    Source: Fan et al. 2023, arXiv 2310.12508, Table 1.

    Deviations: of class removal the test set is that of retained classes.

    Example:
        >>> AverageGap.ideal
        0.0
    """

    label: ClassVar[str] = "average gap to retraining"
    better: ClassVar[Better] = "lower"
    ideal: ClassVar[float | None] = 0.0
    needs: ClassVar[tuple[str, ...]] = ("retrained",)
    relative: ClassVar[bool] = True

    attack_too: bool = True

    def fitted(self, case: Case) -> tuple[Set, ...]:  # noqa: D102
        return SalunForgetAsUnseen().fitted(case) if self.attack_too else ()

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        case.needed("retrained")
        return exact(mean_gap(self.figures(case, seen), self.figures(case, case.retrained or seen)))

    def figures(self, case: Case, seen: Seen) -> tuple[float, ...]:
        """Gather what is compared.

        Args:
            case: The case.
            seen: What a model says.

        Returns:
            Accuracies on retain, forget and test sets, and the attack's figure.
        """
        test = "test_retained" if case.context.deletion.scenario == "class" else "test"
        found = (case.accuracy(seen, "retain"), case.accuracy(seen, "forget"), case.accuracy(seen, test))
        return (*found, SalunForgetAsUnseen()(case, seen).value) if self.attack_too else found
