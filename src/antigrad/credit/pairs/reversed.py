"""A control: another rule's factors, in the opposite order."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.credit.pairs.rule import PairFacts, PairRule, in_order, inner_rule


@dataclass(frozen=True)
class Reversed(PairRule):
    r"""The factors of another rule, the largest to the pair that would get the smallest.

    $$\lambda_{(i)}=\lambda^{\text{of}}_{(B+1-i)}\text{ in the order of the rule}$$

    If it does as well as the rule, the rule's order is worth nothing.

    Args:
        of: The rule, as `name(option=value)`.

    Raises:
        InputValueError: There is no such rule.

    Sign: the reverse of the rule's.

    Source: ours, a control.

    Deviations: ours. Pairs that the rule treats alike are distinguished by its score (PVI for `vpo`).

    Example:
        >>> import torch
        >>> facts = PairFacts(3, pvi=torch.tensor([-1.0, 0.5, 2.0]))
        >>> [round(x, 6) for x in Reversed()(facts).tolist()]
        [1.0, 1.0, 0.268941]
    """

    of: str = "vpo"

    def __post_init__(self) -> None:
        inner_rule(self.of)

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the facts it needs."""
        return inner_rule(self.of).needs

    def weigh(self, facts: PairFacts) -> Tensor:  # noqa: D102
        inner = inner_rule(self.of)
        return in_order(inner(facts), -inner.score(facts))
