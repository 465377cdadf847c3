"""Deceleration of the ego that would just avoid touching."""

from __future__ import annotations

from dataclasses import dataclass

from antigrad.scenarios.gap import gap
from antigrad.scenarios.metrics.closing_speed import ClosingSpeed
from antigrad.scenarios.metrics.metric import Reading, TrafficMetric
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class RequiredDeceleration(TrafficMetric):
    r"""Deceleration of the ego that would just avoid touching.

    $$\frac{[\dot d]_+^2}{2g_{0i}},\quad\dot d\text{ the closing speed}$$

    Sign: more than the tyres give means that braking is no longer enough.

    Source: Almqvist, Hydén, Risser 1991 (DRAC).

    Deviations: the gap is that of the boxes. Not valid while they overlap or part.

    Example:
        >>> RequiredDeceleration().unit, RequiredDeceleration().danger
        ('m/s²', 'high')
    """

    unit = "m/s²"
    danger = "high"

    def measure(self, view: View) -> Reading:  # noqa: D102
        closing, room = ClosingSpeed().measure(view), gap(view.moved, view.ego_box)
        valid = closing.valid & (closing.value > 0) & (room > 0)
        return Reading(closing.value.square() / (2 * room.clamp(min=1e-6)), valid)
