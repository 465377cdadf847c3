"""Mean squared distance of the centres to the ego, of the nearest mover: the released attraction."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class CentreMean(Cost):
    r"""Mean squared distance of the centres to the ego, of the mover where it is least.

    $$C=\min_i\frac1{|V_{0i}|}\sum_{t\in V_{0i}}\lVert p_{0,t}-p_{i,t}\rVert^2$$

    Sign: minimising this brings one mover to the ego, far steps most.

    Source: Yin et al. 2024, arXiv 2409.07830, the released code.

    Deviations: none.

    Example:
        >>> CentreMean().part, CentreMean().unit
        ('down', 'm²')
    """

    part = "down"
    unit = "m²"

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        squared = (view.moved.x - view.ego_box.x).square() + (view.moved.y - view.ego_box.y).square()
        count = view.live.sum(-1)
        total = torch.where(view.live, squared, 0.0).sum(-1) / count.clamp(min=1)
        value, winner = torch.where(count > 0, total, torch.inf).min(1)
        return Value.where((count > 0).any(1), value, winner)
