"""By how likely the rejected response is already."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.credit.pairs.rule import PairFacts, PairRule, check_low, in_order, inner_rule, spread


@dataclass(frozen=True)
class LowConfidence(PairRule):
    r"""The less likely a rejected response is per token, the less it is pushed.

    $$\lambda_i\text{ rises with }\frac1{|y_l|}\log\pi_0(y_l|x)$$

    Args:
        of: Rule whose factors are handed out in this order, as `name(option=value)`; empty for factors evenly from
            `low` to 1.
        low: λ of the last pair, where `of` is empty.

    Raises:
        InputValueError: An option is out of range.

    Sign: the least likely rejected response gets the smallest λ.

    Source: ours, after the idea of Gate-DPO (arXiv 2605.02626) and CW-DPO (arXiv 2510.11978), of which only
        abstracts are known here.

    Deviations: ours: ranks, where those papers weigh by formulas of their own.

    Example:
        >>> import torch
        >>> LowConfidence()(PairFacts(3, confidence=torch.tensor([-9.0, -1.0, -2.0]))).tolist()
        [0.0, 1.0, 0.5]
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
        return ("confidence", *(inner_rule(self.of).needs if self.of else ()))

    def weigh(self, facts: PairFacts) -> Tensor:  # noqa: D102
        factors = inner_rule(self.of)(facts) if self.of else spread(facts.count, self.low)
        return in_order(factors, self.score(facts))

    def score(self, facts: PairFacts) -> Tensor:  # noqa: D102
        return facts.require("confidence")
