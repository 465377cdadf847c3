"""A highway in a wide bend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antigrad.scenarios.layouts.layout import Layout, arc, joined, shifted


@dataclass(frozen=True)
class Highway(Layout):
    """Three lanes one way in a bend of 900 m radius, and two routes that change the lane.

    Args:
        lane_width: m.
        limit: m/s.
        length: m, before and after the middle.

    Source: ours.

    Deviations: none.
    """

    limit: float = 30.0
    length: float = 400.0

    def routes(self) -> list[np.ndarray]:  # noqa: D102
        radius, reach = 900.0, np.degrees(self.length / 900.0)
        lanes = [arc((0, radius), radius - self.lane_width * lane, -90 - reach, -90 + reach) for lane in (-1, 0, 1)]
        changes = [shifted(-self.length, self.length, first, last, over) for first, last, over in self._changes()]
        bent = [
            np.stack([np.sin(x / radius) * (radius - y), radius - np.cos(x / radius) * (radius - y)], 1)
            for x, y in (line.T for line in changes)
        ]
        return [joined(line) for line in lanes + bent]

    def _changes(self) -> list[tuple[float, float, tuple[float, float]]]:
        return [(-self.lane_width, 0.0, (-60.0, 40.0)), (self.lane_width, 0.0, (0.0, 100.0))]
