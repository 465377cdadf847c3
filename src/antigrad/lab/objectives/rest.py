"""ReST: likelihood of what is above the group's mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.lab.objective import Batch, Context, Objective, Policy
from antigrad.objectives.divergence import forward_kl_direction


@dataclass(frozen=True)
class Rest(Objective):
    r"""ReST: maximum likelihood of the samples whose reward passes a filter.

    $$g=q-\pi,\qquad q\propto\mu\,\mathbf 1[r>\bar r_\mu]$$

    Sign: raises what passes; the rest falls only because probabilities sum to 1.

    Source: Gulcehre et al. 2023, arXiv 2308.08998; a row of Table 1 of Tajwar et al. 2024, arXiv 2404.14367.

    Deviations: the filter is the mean reward of the group (of μ in the exact tier) instead of a rising threshold.

    Example:
        >>> Rest().label
        'ReST'
    """

    @property
    def label(self) -> str:  # noqa: D102
        return "ReST"

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        mean = (ctx.law * ctx.bandit.rewards).sum(-1, keepdim=True)
        passed = ctx.law * (ctx.bandit.rewards > mean)
        total = passed.sum(-1, keepdim=True)
        # Where nothing is above the mean all rewards are equal, and nothing moves.
        return torch.where(total > 0, forward_kl_direction(policy.log, passed / total), 0.0)

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        passed = (batch.rewards > batch.rewards.mean(-1, keepdim=True)).to(batch.rewards)
        return passed * passed.shape[-1] / passed.sum(-1, keepdim=True).clamp(min=1)
