"""Time the ego takes to where the rear of a car ahead is now."""

from __future__ import annotations

from dataclasses import dataclass

from antigrad.scenarios.metrics.metric import Reading, TrafficMetric
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class TimeHeadway(TrafficMetric):
    r"""Time the ego takes to where the rear of a car ahead is now.

    $$\frac{x_i-\tfrac12(\ell_0+\ell_i)}{v_0}$$

    Sign: short is dangerous.

    Source: common.

    Deviations: boxes in the ego's frame; only movers ahead whose shadow across the ego's heading meets the ego's.

    Example:
        >>> TimeHeadway().unit, TimeHeadway().danger
        ('s', 'low')
    """

    unit = "s"
    danger = "low"

    def measure(self, view: View) -> Reading:  # noqa: D102
        one, two = view.ego_box, view.moved
        dx, dy = two.x - one.x, two.y - one.y
        along, aside = one.cos * dx + one.sin * dy, (one.cos * dy - one.sin * dx).abs()
        same, across = (one.cos * two.cos + one.sin * two.sin).abs(), (one.cos * two.sin - one.sin * two.cos).abs()
        room = along - one.half_length - two.half_length * same - two.half_width * across
        meets = aside <= one.half_width + two.half_length * across + two.half_width * same
        speed = view.ego.speed[:, None]
        return Reading(room.clamp(min=0) / speed.clamp(min=1e-6), view.live & meets & (along > 0) & (speed > 0.1))
