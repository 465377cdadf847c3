"""Two roads that cross, without lights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antigrad.scenarios.layouts.layout import Layout, arc, joined, straight, turned


@dataclass(frozen=True)
class Crossing(Layout):
    """Four arms with a lane each way; from each arm straight on, right and left.

    Args:
        lane_width: m.
        limit: m/s.
        arm: m, length of an arm.
        corner: m, from the kerb's corner to where turning begins.

    Source: ours.

    Deviations: none.
    """

    arm: float = 200.0
    corner: float = 6.0

    def routes(self) -> list[np.ndarray]:  # noqa: D102
        y, c, far = self.lane_width / 2, self.lane_width + self.corner, self.arm
        ahead = straight((-far, -y), (-c, -y))
        ways = [
            (straight((-c, -y), (far, -y)),),
            (arc((-c, -c), c - y, 90, 0), straight((-y, -c), (-y, -far))),
            (arc((-c, c), c + y, -90, 0), straight((y, c), (y, far))),
        ]
        return [joined(*(turned(piece, 90 * side) for piece in (ahead, *way))) for side in range(4) for way in ways]
