"""PSR: likelihood of correct samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.credit import CREDIT, CreditRule
from antigrad.lab.objective import (
    Batch,
    Context,
    Denominator,
    Objective,
    Policy,
    likelihood_direction,
    over_kept,
    weigh_each,
)


@dataclass(frozen=True)
class Psr(Objective):
    r"""PSR: +1 on correct samples; also the base of the other rules that see the verdict alone.

    $$g=\mu w-\pi\sum_a\mu_aw_a,\qquad w=\mathbf 1[r=1]$$

    Args:
        denominator: `group` divides by all samples, `kept` by those of the batch with a weight other than 0, as the
            released code does when it cuts the batch to them; sampled tier only.

    Raises:
        InputValueError: The option is neither.

    Sign: raises correct actions.

    Source: Zhu et al. 2025, arXiv 2506.01347, PSR.

    Deviations: correct is a reward above ½.

    Example:
        >>> Psr().label
        'PSR'
    """

    rule: ClassVar[str] = "psr"
    denominator: Denominator = field(default="group", kw_only=True)

    def __post_init__(self) -> None:
        if self.denominator not in ("group", "kept"):
            raise InputValueError(f"denominator={self.denominator!r}", "group or kept", "group is our default")

    def credit(self) -> CreditRule:
        """The credit rule that gives the weights.

        Returns:
            The rule of that name, with this objective's options.
        """
        return CREDIT.make(self.rule)

    @property
    def label(self) -> str:  # noqa: D102
        return self.rule.upper() + self._note

    @property
    def _note(self) -> str:
        return " (kept)" if self.denominator == "kept" else ""

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        if self.denominator == "kept":
            raise InputValueError("the exact direction with denominator='kept'", "'group'", "use tier='sampled'")
        rewards = ctx.bandit.rewards
        return likelihood_direction(ctx.law * weigh_each(self.credit(), rewards, ctx.bandit.correct), policy)

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        weights = weigh_each(self.credit(), batch.rewards, batch.rewards > 0.5)
        return over_kept(weights) if self.denominator == "kept" else weights
