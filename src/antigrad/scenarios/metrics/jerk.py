"""Size of the change of acceleration."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from antigrad.scenarios.metrics.metric import Reading, TrafficMetric
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class Jerk(TrafficMetric):
    r"""Size of the change of acceleration.

    $$|v_{t+1}-2v_t+v_{t-1}|/\Delta t^2$$

    Sign: high is uncomfortable.

    Source: common.

    Deviations: that of the two steps before each state.

    Example:
        >>> Jerk().unit, Jerk().danger
        ('m/s³', 'high')
    """

    unit = "m/s³"
    danger = "high"

    def measure(self, view: View) -> Reading:  # noqa: D102
        change = view.states.speed.diff(n=2, dim=-1).abs() / view.traffic.dt**2
        mask = view.traffic.log.mask
        both = mask[..., 1:] & mask[..., :-1]
        none = change.new_zeros(*change.shape[:-1], 2)
        return Reading(torch.cat([none, change], -1), torch.cat([torch.zeros_like(none, dtype=torch.bool), both], -1))
