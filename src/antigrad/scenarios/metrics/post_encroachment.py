"""Least time between the ego and a mover at one place."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from antigrad.scenarios.gap import separation
from antigrad.scenarios.metrics.metric import Reading, TrafficMetric
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class PostEncroachment(TrafficMetric):
    r"""Least time between the ego and a mover at one place.

    $$\min\{|t-t^\prime|\Delta t:\ \text{box}_{0,t}\cap\text{box}_{i,t^\prime}\ne\emptyset\}$$

    Sign: short is dangerous; 0 for a collision.

    Source: Allen, Shin, Cooper 1978.

    Deviations: exact on the recorded steps: whole boxes, not a crossing point. At each
        step of the mover, against all of the ego's; not valid where the ego never was.

    Example:
        >>> PostEncroachment().unit, PostEncroachment().danger
        ('s', 'low')
    """

    unit = "s"
    danger = "low"

    def measure(self, view: View) -> Reading:  # noqa: D102
        steps = view.traffic.steps
        value = torch.full_like(view.states.x, torch.inf)
        there = view.traffic.ego_valid
        for shift in range(-steps + 1, steps):  # One shift in time after the other: memory stays linear in T.
            mine = slice(max(0, -shift), steps - max(0, shift))
            own = slice(max(0, shift), steps - max(0, -shift))
            one = view.ego_box.place(lambda v, own=own: v[..., own])
            two = view.moved.place(lambda v, mine=mine: v[..., mine])
            touch = (separation(one, two) <= 0) & there[:, None, own]
            late = abs(shift) * view.traffic.dt
            value[..., mine] = torch.where(touch, value[..., mine].clamp(max=late), value[..., mine])
        return Reading(value, view.traffic.live & value.isfinite())
