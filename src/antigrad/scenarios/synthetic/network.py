"""Routes of a layout seen together: where each lies on the others, and where two of them conflict."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import KDTree

from antigrad.scenarios.layouts.layout import SPACING

CLOSE = 2.6
"""m between lane centres below which two vehicles side by side would touch."""
SIDEWAYS, SLOWING = 2.5, 1.5
"""m/s²: comfortable lateral acceleration in a bend, and braking before it."""


@dataclass(frozen=True)
class Zone:
    """Where two routes conflict, in m along each.

    Args:
        entry: Begin on the own route.
        leave: End on the own route.
        other_entry: Begin on the other route.
        other_leave: End on the other route.
        merges: The routes go the same way there, so whoever is in it is simply ahead.
    """

    entry: float
    leave: float
    other_entry: float
    other_leave: float
    merges: bool


@dataclass(frozen=True, eq=False)
class Network:
    """Routes with everything that traffic on them needs.

    Args:
        routes: (K, 2) m each, points `SPACING` apart.
        limit: m/s.
    """

    routes: tuple[np.ndarray, ...]
    limit: float

    @cached_property
    def lengths(self) -> np.ndarray:
        """(P,) m."""
        return np.array([(len(route) - 1) * SPACING for route in self.routes])

    @cached_property
    def headings(self) -> list[np.ndarray]:
        """(K,) rad for each route, unwrapped."""
        steps = [np.gradient(route, axis=0) for route in self.routes]
        return [np.unwrap(np.arctan2(step[:, 1], step[:, 0])) for step in steps]

    @cached_property
    def speeds(self) -> list[np.ndarray]:
        """(K,) m/s for each route: the limit, lower in bends and before them."""
        found: list[np.ndarray] = []
        for heading in self.headings:
            bend = np.abs(np.gradient(heading)) / SPACING
            speed = np.minimum(self.limit, np.sqrt(SIDEWAYS / np.maximum(bend, 1e-6)))
            for k in range(len(speed) - 2, -1, -1):
                speed[k] = min(speed[k], np.sqrt(speed[k + 1] ** 2 + 2 * SLOWING * SPACING))
            found.append(speed)
        return found

    @cached_property
    def place(self) -> tuple[np.ndarray, np.ndarray]:
        """Place on route p of each point of route q, and its distance from p: (P, P, K) m each."""
        count, longest = len(self.routes), max(map(len, self.routes))
        along, apart = np.zeros((count, count, longest)), np.full((count, count, longest), np.inf)
        for p, own in enumerate(self.routes):
            tree = KDTree(own)
            for q, other in enumerate(self.routes):
                distance, nearest = tree.query(other)
                along[p, q, : len(other)], apart[p, q, : len(other)] = nearest * SPACING, distance
        return along, apart

    @cached_property
    def zones(self) -> dict[tuple[int, int], Zone]:
        """The conflict of each ordered pair of routes that has one; routes that begin together follow instead."""
        found: dict[tuple[int, int], Zone] = {}
        for p, q in np.ndindex(len(self.routes), len(self.routes)):
            own, other = self._run(q, p), self._run(p, q)
            if p != q and own and other:
                middle = [self.headings[route][sum(run) // 2] for route, run in ((p, own), (q, other))]
                merges = bool(np.cos(middle[0] - middle[1]) > np.cos(np.radians(40)))
                entry, leave, other_entry, other_leave = (k * SPACING for k in (*own, *other))
                found[p, q] = Zone(entry, leave, other_entry, other_leave, merges)
        return found

    def _run(self, p: int, q: int) -> tuple[int, int] | None:
        close = np.flatnonzero(self.place[1][p, q, : len(self.routes[q])] < CLOSE)
        runs = [run for run in np.split(close, np.flatnonzero(np.diff(close) > 1) + 1) if len(run) and run[0] > 0]
        return (int(runs[0][0]), int(runs[0][-1])) if runs else None

    def at(self, route: int, along: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Position, heading and curvature of a route.

        Args:
            route: Its number.
            along: (T,) m from its start.

        Returns:
            (T, 2) m, (T,) rad and (T,) 1/m.
        """
        line, heading = self.routes[route], self.headings[route]
        marks = np.arange(len(line)) * SPACING
        columns = (line[:, 0], line[:, 1], heading, np.gradient(heading) / SPACING)
        x, y, yaw, bend = (np.interp(along, marks, column) for column in columns)
        return np.stack([x, y], 1), yaw, bend
