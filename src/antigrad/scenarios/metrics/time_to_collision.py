"""Time until the boxes touch if both kept their velocity and heading."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.gap import Box
from antigrad.scenarios.metrics.metric import Reading, TrafficMetric, velocities
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class TimeToCollision(TrafficMetric):
    r"""Time until the boxes touch if both kept their velocity and heading.

    $$\min\{\tau\ge0:\ g_{0i}(p+\tau\dot p)\le0\}$$

    Sign: short is dangerous; 0 while they overlap.

    Source: Hayward 1972; solved here for oriented boxes.

    Deviations: exact: the boxes touch when their intervals do on all four face normals, and
        each interval is linear in time. Not valid where they never touch.

    Example:
        >>> TimeToCollision().unit, TimeToCollision().danger
        ('s', 'low')
    """

    unit = "s"
    danger = "low"

    def measure(self, view: View) -> Reading:  # noqa: D102
        vx, vy = velocities(view)
        one, two = view.ego_box, view.moved
        enter, leave = torch.full_like(vx, -torch.inf), torch.full_like(vx, torch.inf)
        for nx, ny in ((one.cos, one.sin), (-one.sin, one.cos), (two.cos, two.sin), (-two.sin, two.cos)):
            apart, speed = nx * (two.x - one.x) + ny * (two.y - one.y), nx * vx + ny * vy
            reach = _half(one, nx, ny) + _half(two, nx, ny)
            still = speed.abs() < 1e-9
            first, second = ((sign * reach - apart) / torch.where(still, 1.0, speed) for sign in (-1, 1))
            never = torch.where(apart.abs() <= reach, -torch.inf, torch.inf)
            enter = torch.maximum(enter, torch.where(still, never, torch.minimum(first, second)))
            leave = torch.minimum(leave, torch.where(still, torch.inf, torch.maximum(first, second)))
        return Reading(
            enter.clamp(min=0), view.live & (enter <= leave) & (leave >= 0) & enter.isfinite().logical_or(enter < 0)
        )


def _half(box: Box, nx: Tensor, ny: Tensor) -> Tensor:
    # Half the length of the shadow of a box on a direction.
    along, across = (box.cos * nx + box.sin * ny).abs(), (box.cos * ny - box.sin * nx).abs()
    return box.half_length * along + box.half_width * across
