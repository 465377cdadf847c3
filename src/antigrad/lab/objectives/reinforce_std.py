"""REINFORCE with rewards standardised over the policy: GRPO of infinitely large groups."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.lab.objective import Batch, Context, Objective, Policy, likelihood_direction
from antigrad.objectives import advantages_of_groups


@dataclass(frozen=True)
class ReinforceStd(Objective):
    r"""REINFORCE std.

    $$g=\frac{\pi(r-\bar r_\pi)}{\mathrm{sd}_\pi(r)}$$

    Sign: raises what is above the mean reward, pushes down what is below.

    Source: the limit G → ∞ of GRPO, Shao et al. 2024, arXiv 2402.03300.

    Deviations: the sampled tier standardises within its finite group.

    Example:
        >>> ReinforceStd().label
        'REINFORCE std'
    """

    @property
    def label(self) -> str:  # noqa: D102
        return "REINFORCE std"

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        centred = ctx.bandit.rewards - (ctx.law * ctx.bandit.rewards).sum(-1, keepdim=True)
        spread = torch.sqrt((ctx.law * centred**2).sum(-1, keepdim=True))
        return likelihood_direction(ctx.law * torch.where(spread > 0, centred / spread, 0.0), policy)

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        return advantages_of_groups(batch.rewards, "population")
