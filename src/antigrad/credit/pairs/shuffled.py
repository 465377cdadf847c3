"""A control: another rule's factors, given to pairs by chance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.credit.pairs.rule import PairFacts, PairRule, inner_rule


@dataclass(frozen=True)
class Shuffled(PairRule):
    r"""The factors of another rule, shuffled over the pairs.

    $$\lambda_i=\lambda^{\text{of}}_{\rho(i)},\qquad\rho\text{ a random permutation}$$

    If it does as well as the rule, what the rule knows of single pairs is worth nothing.

    Args:
        of: The rule, as `name(option=value)`.

    Raises:
        InputValueError: There is no such rule.

    Sign: as the rule's, for other pairs.

    Source: ours, a control.

    Deviations: ours.

    Example:
        >>> facts = PairFacts(4, pvi=torch.tensor([-1.0, -2.0, 0.0, 1.0]))
        >>> sorted(Shuffled()(facts).tolist()) == sorted(inner_rule("vpo")(facts).tolist())
        True
    """

    of: str = "vpo"

    def __post_init__(self) -> None:
        inner_rule(self.of)

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the facts it needs."""
        return inner_rule(self.of).needs

    def weigh(self, facts: PairFacts) -> Tensor:  # noqa: D102
        order = torch.randperm(facts.count, generator=torch.Generator().manual_seed(facts.seed))
        return inner_rule(self.of)(facts)[order]
