"""Distance from the record."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from antigrad.scenarios.metrics.metric import Reading, TrafficMetric
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class LogDeviation(TrafficMetric):
    r"""Distance from the record.

    $$\lVert p_{i,t}-p^{log}_{i,t}\rVert$$

    Sign: high is far from what was driven.

    Source: common.

    Deviations: from the record itself, the model's own reconstruction error included.

    Example:
        >>> LogDeviation().unit, LogDeviation().danger
        ('m', 'high')
    """

    unit = "m"
    danger = "high"

    def measure(self, view: View) -> Reading:  # noqa: D102
        log = view.traffic.log.states
        return Reading(torch.hypot(view.states.x - log.x, view.states.y - log.y), view.traffic.live)
