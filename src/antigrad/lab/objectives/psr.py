"""PSR: likelihood of correct samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from antigrad.credit import CREDIT, CreditRule
from antigrad.lab.objective import Batch, Context, Objective, Policy, likelihood_direction, weigh_each


@dataclass(frozen=True)
class Psr(Objective):
    r"""PSR: +1 on correct samples; also the base of the other rules that see the verdict alone.

    $$g=\mu w-\pi\sum_a\mu_aw_a,\qquad w=\mathbf 1[r=1]$$

    Sign: raises correct actions.

    Source: Zhu et al. 2025, arXiv 2506.01347, PSR.

    Deviations: correct is a reward above ½.

    Example:
        >>> Psr().label
        'PSR'
    """

    rule: ClassVar[str] = "psr"

    def credit(self) -> CreditRule:
        """The credit rule that gives the weights.

        Returns:
            The rule of that name, with this objective's options.
        """
        return CREDIT.make(self.rule)

    @property
    def label(self) -> str:  # noqa: D102
        return self.rule.upper()

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        rewards = ctx.bandit.rewards
        return likelihood_direction(ctx.law * weigh_each(self.credit(), rewards, ctx.bandit.correct), policy)

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        return weigh_each(self.credit(), batch.rewards, batch.rewards > 0.5)
