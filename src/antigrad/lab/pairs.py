"""Objectives on preference pairs: all pairs of a law exactly, or all pairs of a drawn group."""

from __future__ import annotations

import torch
from torch import Tensor

from antigrad.lab.objective import Batch, Context, Objective, Policy
from antigrad.objectives import MarginLoss


class PairObjective(Objective):
    r"""A pair loss of `antigrad.objectives` under the law of pairs $M_{wl}\propto\mu_w\mu_l\mathbf 1[r_w>r_l]$.

    $$g=\sum_{w,l}M_{wl}\,c(h_{wl})\,(e_w-e_l)$$
    """

    loss: MarginLoss

    def expected(self, policy: Policy, ctx: Context) -> Tensor:  # noqa: D102
        h = policy.log - ctx.log_reference if self.loss.needs_reference else policy.log
        pairs = ctx.law[..., :, None] * ctx.law[..., None, :] * ctx.bandit.below
        pushes = torch.where(pairs > 0, pairs * self.loss.pushes(h[..., :, None] - h[..., None, :]), 0.0)
        net = pushes.sum(-1) - pushes.sum(-2)
        # A law with one reward level has no pairs: nothing moves.
        return net / pairs.sum((-1, -2)).clamp(min=torch.finfo(net.dtype).tiny)[..., None]

    def weigh(self, batch: Batch, ctx: Context) -> Tensor:  # noqa: D102
        h = batch.log_probs - batch.log_reference if self.loss.needs_reference else batch.log_probs
        pairs = (batch.rewards[..., :, None] > batch.rewards[..., None, :]).to(h)
        pushes = pairs * self.loss.pushes(h[..., :, None] - h[..., None, :])
        count = pairs.sum((-1, -2)).clamp(min=1)[..., None]
        # Weights of a mean over the group's pairs, not over its members.
        return (pushes.sum(-1) - pushes.sum(-2)) * (h.shape[-1] / count)
