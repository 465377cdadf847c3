"""A roundabout with four arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antigrad.scenarios.layouts.layout import Layout, arc, joined, straight, turned


@dataclass(frozen=True)
class Roundabout(Layout):
    """One lane around an island; from each arm to the three others.

    Entries and exits are arcs that touch the lane of the arm and the ring.

    Args:
        lane_width: m.
        limit: m/s.
        arm: m, from the middle to the end of an arm.
        ring: m, radius of the ring's lane centre.
        fillet: m, radius of entries and exits.
        apart: m, from the middle of an arm to its lane centres.

    Source: ours.

    Deviations: none.
    """

    arm: float = 200.0
    ring: float = 16.0
    fillet: float = 12.0
    apart: float = 3.0

    def routes(self) -> list[np.ndarray]:  # noqa: D102
        low, reach = self.apart + self.fillet, self.ring + self.fillet
        x, touch = -np.sqrt(reach**2 - low**2), float(np.degrees(np.arcsin(low / reach)))
        entry = np.concatenate(
            [straight((-self.arm, -self.apart), (x, -self.apart)), arc((x, -low), self.fillet, 90, touch)]
        )
        leave = entry[::-1] * np.array([1, -1])
        found: list[np.ndarray] = []
        for side in range(4):
            for on in (1, 2, 3):
                ring = arc((0, 0), self.ring, 180 + touch, 180 - touch + 90 * on)
                pieces = (entry, ring, turned(leave, 90 * on))
                found.append(joined(*(turned(piece, 90 * side) for piece in pieces)))
        return found
