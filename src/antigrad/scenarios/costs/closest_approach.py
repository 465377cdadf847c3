"""Closest approach: the least gap to the ego over time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.closest import FAR, nearest
from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.gap import gap
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class ClosestApproach(Cost):
    r"""Least signed gap to the ego over time, or its soft form.

    $$C=\min_i\min_{t\in V_i}g_{0i,t}\qquad\text{or}\qquad
    C=\min_i-\tfrac1\beta\log\tfrac1{|V_i|}\sum_{t\in V_i}e^{-\beta g_{0i,t}}$$

    Args:
        beta: β, 1/m; the soft minimum's sharpness. 0: the minimum itself.

    Raises:
        InputValueError: β is negative or not finite.

    Sign: minimising this brings a mover to the ego at one moment; below 0 they overlap.

    Source: ours; it stands for the mean over time of Yin et al. 2024, arXiv 2409.07830, Eq. 1.

    Deviations: the mean drags the whole path along, the minimum only what leads to the moment of contact.

    Example:
        >>> ClosestApproach().part, ClosestApproach(beta=2.0).unit
        ('down', 'm')
    """

    part = "down"
    unit = "m"
    beta: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.beta < math.inf:
            raise InputValueError(f"beta={self.beta}", "at least 0 (1/m)", "0 is the minimum itself")

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        if self.beta == 0:
            least, _ = nearest(view.moved, view.ego_box, view.live)
        else:
            soft = torch.where(view.live, -self.beta * gap(view.moved, view.ego_box), -math.inf)
            count = view.live.sum(-1)
            total = torch.where(count[..., None] > 0, soft, 0.0).logsumexp(-1) - count.clamp(min=1).log()
            least = torch.where(count > 0, -total / self.beta, FAR)
        value, winner = least.min(1)
        return Value.where(view.live.flatten(1).any(1), value, winner)
