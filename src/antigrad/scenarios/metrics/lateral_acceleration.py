"""Size of the acceleration across the path."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from antigrad.scenarios.dynamics import wrap
from antigrad.scenarios.metrics.metric import Reading, TrafficMetric
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class LateralAcceleration(TrafficMetric):
    r"""Size of the acceleration across the path.

    $$v_t|\psi_{t+1}-\psi_t|/\Delta t$$

    Sign: beyond some 8 m/s² tyres slip.

    Source: common.

    Deviations: that of the last step before each state.

    Example:
        >>> LateralAcceleration().unit, LateralAcceleration().danger
        ('m/s²', 'high')
    """

    unit = "m/s²"
    danger = "high"

    def measure(self, view: View) -> Reading:  # noqa: D102
        speed = view.states.speed
        turn = (
            wrap(view.states.yaw.diff(dim=-1)).abs() / view.traffic.dt * 0.5 * (speed[..., 1:] + speed[..., :-1]).abs()
        )
        mask = view.traffic.log.mask
        none = torch.zeros_like(mask[..., :1])
        return Reading(torch.cat([torch.zeros_like(turn[..., :1]), turn], -1), torch.cat([none, mask], -1))
