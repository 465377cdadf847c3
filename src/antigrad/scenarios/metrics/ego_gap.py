"""Signed gap of the boxes."""

from __future__ import annotations

from dataclasses import dataclass

from antigrad.scenarios.gap import gap
from antigrad.scenarios.metrics.metric import Reading, TrafficMetric
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class EgoGap(TrafficMetric):
    r"""Signed gap of the boxes.

    $$g_{0i,t}$$

    Sign: below 0 the boxes overlap.

    Source: ours, see `gap`.

    Deviations: none

    Example:
        >>> EgoGap().unit, EgoGap().danger
        ('m', 'low')
    """

    unit = "m"
    danger = "low"

    def measure(self, view: View) -> Reading:  # noqa: D102
        return Reading(gap(view.moved, view.ego_box), view.live)
