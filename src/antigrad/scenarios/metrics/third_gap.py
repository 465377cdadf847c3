"""Gap to the nearest third object."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from antigrad.scenarios.closest import at, everyone
from antigrad.scenarios.gap import gap
from antigrad.scenarios.metrics.metric import Reading, TrafficMetric
from antigrad.scenarios.traffic import View

FAR = 20.0
"""m; what is farther away does not matter."""


@dataclass(frozen=True)
class ThirdGap(TrafficMetric):
    r"""Gap to the nearest third object.

    $$\min_{j\ne0,i}g_{ij,t}$$

    Sign: below 0 the mover goes through something.

    Source: ours.

    Deviations: objects farther than 20 m between circles count as 20 m away.

    Example:
        >>> ThirdGap().unit, ThirdGap().danger
        ('m', 'low')
    """

    unit = "m"
    danger = "low"

    def measure(self, view: View) -> Reading:  # noqa: D102
        traffic, mine = view.traffic, view.moved
        boxes, present = everyone(view)
        reach = mine.radius[..., 0][:, :, None, None] + boxes.radius[..., 0][:, None, :, None]
        apart = torch.hypot(mine.x[:, :, None] - boxes.x[:, None], mine.y[:, :, None] - boxes.y[:, None]) - reach
        itself = traffic.slot[:, None] == torch.arange(mine.x.shape[1], device=apart.device)[:, None]
        near = (apart < FAR) & present[:, None] & traffic.live[:, :, None] & ~itself[..., None]
        row, number, other, step = near.nonzero(as_tuple=True)
        one = at(mine.map(lambda value: value[row, number]), step)
        two = at(boxes.map(lambda value: value[row, other]), step)
        place = (row * apart.shape[1] + number) * apart.shape[3] + step
        flat = torch.full((apart.shape[0] * apart.shape[1] * apart.shape[3],), FAR).to(apart)
        least = flat.scatter_reduce(0, place, gap(one, two), "amin").reshape(mine.x.shape)
        return Reading(least, traffic.live)
