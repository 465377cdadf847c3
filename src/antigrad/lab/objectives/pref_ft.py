"""Likelihood of the winners of pairs."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.lab.objective import Batch, Context, Objective, Policy
from antigrad.objectives.divergence import forward_kl_direction


@dataclass(frozen=True)
class PrefFt(Objective):
    r"""Pref-FT: maximum likelihood of the preferred response of a pair; ties count half each.

    $$g=q-\pi,\qquad q_a=2\mu_a\big[\mu(r<r_a)+\tfrac12\mu(r=r_a)\big]$$

    Sign: raises winners; losers fall only because probabilities sum to 1.

    Source: Tajwar et al. 2024, arXiv 2404.14367, Sec. 3 (Pref-FT; Binary FeedMe is the same on fixed data).

    Deviations: sampled groups use all their pairs at once.

    Example:
        >>> PrefFt().label
        'Pref-FT'
    """

    @property
    def label(self) -> str:  # noqa: D102
        return "Pref-FT"

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        wins = (ctx.bandit.below + ctx.bandit.equal / 2) @ ctx.law[..., None]
        return forward_kl_direction(policy.log, 2 * ctx.law * wins[..., 0])

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        mine, other = batch.rewards[..., :, None], batch.rewards[..., None, :]
        wins = (mine > other).to(mine).sum(-1) + ((mine == other).to(mine).sum(-1) - 1) / 2  # not against itself
        return 2 * wins / (batch.rewards.shape[-1] - 1)
