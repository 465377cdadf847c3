"""How deep the box is off the road."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from antigrad.scenarios.closest import road_depth
from antigrad.scenarios.gap import corners
from antigrad.scenarios.metrics.metric import Reading, TrafficMetric
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class OffRoad(TrafficMetric):
    r"""How deep the box is off the road.

    $$\max_c\phi(x_{i,t,c})_+$$

    Sign: 0 on the road.

    Source: ours.

    Deviations: not relative to the log; not valid without a map.

    Example:
        >>> OffRoad().unit, OffRoad().danger
        ('m', 'high')
    """

    unit = "m"
    danger = "high"

    def measure(self, view: View) -> Reading:  # noqa: D102
        road, live = view.traffic.road, view.traffic.live
        known = torch.zeros_like(live) if road is None else road.known[view.traffic.scene][:, None, None]
        return Reading(road_depth(view.traffic, corners(view.moved)).amax(-1), live & known)
