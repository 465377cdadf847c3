"""A ramp that joins a road of two lanes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antigrad.scenarios.layouts.layout import Layout, joined, shifted, straight


@dataclass(frozen=True)
class Merge(Layout):
    """Two lanes one way, and a ramp that ends in the right one; some change from the right lane to the left.

    Args:
        lane_width: m.
        limit: m/s.
        length: m, before and after the point where the ramp has joined.

    Source: ours.

    Deviations: none.
    """

    limit: float = 22.0
    length: float = 300.0

    def routes(self) -> list[np.ndarray]:  # noqa: D102
        far, left = self.length, self.lane_width
        return [
            joined(straight((-far, 0), (far, 0))),
            joined(straight((-far, left), (far, left))),
            joined(shifted(-far, far, -20.0, 0.0, (-120.0, 0.0))),
            joined(shifted(-far, far, 0.0, left, (-100.0, -20.0))),
        ]
