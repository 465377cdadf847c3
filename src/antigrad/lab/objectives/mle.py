"""Maximum likelihood on a fixed law."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.lab.objective import Batch, Context, Objective, Policy
from antigrad.objectives.divergence import forward_kl_direction


@dataclass(frozen=True)
class Mle(Objective):
    r"""Maximum likelihood on draws of the sampling law, whatever their reward.

    $$\max\sum_aq_a\log\pi_a,\qquad g=q-\pi,\qquad w_i=1$$

    Sign: raises what is drawn, in proportion to how often.

    Source: the forward KL of Tajwar et al. 2024, arXiv 2404.14367, Sec. 6.

    Deviations: none.

    Example:
        >>> Mle().label
        'MLE'
    """

    @property
    def label(self) -> str:  # noqa: D102
        return "MLE"

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        return forward_kl_direction(policy.log, ctx.law)

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        return batch.rewards.new_ones(batch.rewards.shape)
