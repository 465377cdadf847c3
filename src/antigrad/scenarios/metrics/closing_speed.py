"""Speed at which the centres approach each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from antigrad.scenarios.metrics.metric import Reading, TrafficMetric, velocities
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class ClosingSpeed(TrafficMetric):
    r"""Speed at which the centres approach each other.

    $$-\frac{(p_i-p_0)\cdot(\dot p_i-\dot p_0)}{\lVert p_i-p_0\rVert}$$

    Sign: positive when they come closer.

    Source: common.

    Deviations: velocities are those along the yaw.

    Example:
        >>> ClosingSpeed().unit, ClosingSpeed().danger
        ('m/s', 'high')
    """

    unit = "m/s"
    danger = "high"

    def measure(self, view: View) -> Reading:  # noqa: D102
        vx, vy = velocities(view)
        dx, dy = view.moved.x - view.ego_box.x, view.moved.y - view.ego_box.y
        distance = torch.hypot(dx, dy)
        return Reading(-(dx * vx + dy * vy) / distance.clamp(min=1e-6), view.live & (distance > 1e-6))
