"""Mean gap to the ego over time, of the nearest mover: the paper's attraction."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.closest import FAR
from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.gap import gap
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class GapMean(Cost):
    r"""Mean signed gap to the ego, of the mover where it is least.

    $$C=\min_i\frac1{|V_i|}\sum_{t\in V_i}g_{0i,t}$$

    Sign: minimising this brings one mover to the ego on all steps.

    Source: Yin et al. 2024, arXiv 2409.07830, Eq. 1 and 4.

    Deviations: the mean is over valid steps. The paper's distance is read as the signed gap of the boxes: its text
        calls it Euclidean, its collision test is d ≤ 0.

    Example:
        >>> GapMean().part, GapMean().unit
        ('down', 'm')
    """

    part = "down"
    unit = "m"

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        count = view.live.sum(-1)
        total = torch.where(view.live, gap(view.moved, view.ego_box), 0.0).sum(-1) / count.clamp(min=1)
        value, winner = torch.where(count > 0, total, FAR).min(1)
        return Value.where((count > 0).any(1), value, winner)
