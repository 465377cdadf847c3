"""How deep movers are off the road, beyond the log: the corrected off-road cost."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.closest import road_depth
from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.gap import corners
from antigrad.scenarios.traffic import Traffic, View


@dataclass(frozen=True)
class RoadDepth(Cost):
    r"""Depth of the corners off the road, beyond the deepest of the same object before the attack.

    $$C=\frac1T\sum_{i,t,c}\big[\phi(x_{i,t,c})_+-b_i\big]_+,\qquad b_i=\max_{t,c}\phi(x^{log}_{i,t,c})_+$$

    Args:
        baseline: Subtract b; without, what the log itself violates counts as well.

    Sign: minimising this brings movers back onto the road, however deep off it; an untouched scene costs 0.

    Source: ours; the published term is `road_gaussian`, as released `road_crop`.

    Deviations: a signed distance, where a Gaussian on a raster is flat deep off-road.

    Example:
        >>> RoadDepth().part, RoadDepth().needs_road
        ('anchor', True)
    """

    part = "anchor"
    unit = "m"
    needs_road = True
    baseline: bool = True

    @torch.no_grad()
    def constant(self, traffic: Traffic) -> Tensor:
        """Deepest corner of each mover before the attack; (R, M).

        Args:
            traffic: The rows.

        Returns:
            m.
        """
        if not self.baseline:
            return torch.zeros_like(traffic.driven.x[..., 0])
        depth = road_depth(traffic, corners(traffic.driven_boxes))
        return torch.where(traffic.live[..., None], depth, 0.0).amax((-1, -2))

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        depth = road_depth(view.traffic, corners(view.moved))
        deeper = (depth - constant[..., None, None]).relu()  # flat at the log itself
        total = torch.where(view.traffic.live[..., None], deeper, 0.0).sum((-1, -2, -3)) / view.traffic.horizon
        return Value.where(view.traffic.moving.any(1) & (view.traffic.road is not None), total)
