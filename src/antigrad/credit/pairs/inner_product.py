"""By whether both responses' gradients point alike."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.credit.pairs.rule import PairFacts, PairRule, check_low, in_order, inner_rule, spread


@dataclass(frozen=True)
class InnerProduct(PairRule):
    r"""The more alike both gradients point, the less the rejected response is pushed.

    $$\lambda_i\text{ falls with }\frac{\langle G_w,G_l\rangle}{\lVert G_w\rVert\lVert G_l\rVert}$$

    Args:
        of: Rule whose factors are handed out in this order, as `name(option=value)`; empty for factors evenly from
            `low` to 1.
        low: λ of the last pair, where `of` is empty.

    Raises:
        InputValueError: An option is out of range.

    Sign: the pair with the highest cosine gets the smallest λ.

    Source: the quantity of DPO-Shift's Theorem 2.1, arXiv 2502.07599.

    Deviations: ours as a rule: ranks of the cosine on the head.

    Example:
        >>> import torch
        >>> from antigrad.credit.pairs import PairKernel
        >>> kernel = PairKernel(*torch.tensor([[1.0, 1.0], [0.9, -1.0], [1.0, 1.0]]))
        >>> InnerProduct()(PairFacts(2, kernel=kernel)).tolist()
        [0.0, 1.0]
    """

    of: str = ""
    low: float = 0.0

    def __post_init__(self) -> None:
        check_low(self.low)
        if self.of:
            inner_rule(self.of)

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the facts it needs."""
        return ("kernel", *(inner_rule(self.of).needs if self.of else ()))

    def weigh(self, facts: PairFacts) -> Tensor:  # noqa: D102
        factors = inner_rule(self.of)(facts) if self.of else spread(facts.count, self.low)
        return in_order(factors, self.score(facts))

    def score(self, facts: PairFacts) -> Tensor:  # noqa: D102
        return -facts.require_kernel().cosine().double()
