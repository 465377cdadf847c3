"""Size of the acceleration along the path."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from antigrad.scenarios.metrics.metric import Reading, TrafficMetric
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class Acceleration(TrafficMetric):
    r"""Size of the acceleration along the path.

    $$|v_{t+1}-v_t|/\Delta t$$

    Sign: high is implausible.

    Source: common.

    Deviations: that of the last step before each state.

    Example:
        >>> Acceleration().unit, Acceleration().danger
        ('m/s²', 'high')
    """

    unit = "m/s²"
    danger = "high"

    def measure(self, view: View) -> Reading:  # noqa: D102
        step = view.states.speed.diff(dim=-1).abs() / view.traffic.dt
        none = torch.zeros_like(step[..., :1])
        return Reading(torch.cat([none, step], -1), _driven(view))


def _driven(view: View) -> torch.Tensor:
    mask = view.traffic.log.mask
    return torch.cat([torch.zeros_like(mask[..., :1]), mask], -1)
