"""REINFORCE with a constant baseline."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.lab.objective import Batch, Context, Objective, Policy, likelihood_direction


@dataclass(frozen=True)
class Reinforce(Objective):
    r"""REINFORCE: rewards against a baseline, without an importance ratio.

    $$g=\mu(r-b)-\pi\,\mathbb E_\mu(r-b),\qquad\text{on-policy }\pi(r-\bar r_\pi)\text{ for any }b,\qquad w_i=R_i-b$$

    Args:
        baseline: b; off-policy it changes the direction, on-policy only the noise.

    Sign: raises what has more reward than b, pushes down what has less.

    Source: Williams 1992.

    Deviations: none.

    Example:
        >>> Reinforce().label
        'REINFORCE'
    """

    baseline: float = 0.0

    @property
    def label(self) -> str:  # noqa: D102
        return "REINFORCE" + (f"(b={self.baseline:g})" if self.baseline else "")

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        return likelihood_direction(ctx.law * (ctx.bandit.rewards - self.baseline), policy)

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        return batch.rewards - self.baseline
