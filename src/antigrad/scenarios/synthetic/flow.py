"""Traffic on a network: the intelligent driver model behind whoever is ahead, and first come, first served."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antigrad.scenarios.layouts.layout import SPACING
from antigrad.scenarios.synthetic.network import Network

HEADWAY, GAP, PULL, BRAKE, HARDEST = 1.5, 2.0, 2.0, 4.0, 6.0
"""s, m, and m/s² of the intelligent driver model; the hardest braking that happens."""
BESIDE = 0.4
"""m of clearance below which a vehicle counts as ahead on one's path."""
FREE = 1e6


@dataclass(eq=False)
class Flow:
    """Vehicles on their routes.

    Args:
        network: The routes.
        route: (A,) number of each vehicle's route.
        along: (A,) m from its start, of the box centre.
        speed: (A,) m/s.
        want: (A,) m/s that the driver wants on a free road.
        size: (A, 2) m, length and width.
    """

    network: Network
    route: np.ndarray
    along: np.ndarray
    speed: np.ndarray
    want: np.ndarray
    size: np.ndarray

    def __post_init__(self) -> None:
        self.ticket = np.full(len(self.route), np.inf)
        ahead: dict[int, list[float]] = {}
        for (own, _), zone in self.network.zones.items():
            ahead.setdefault(own, []).append(zone.entry)
        reach = self.network.limit**2 / 6 + 20
        self.line = np.array([min(ahead.get(route, [FREE])) - reach for route in self.route])

    @property
    def gone(self) -> np.ndarray:
        """(A,) True for those at the end of their route."""
        return self.along > self.network.lengths[self.route] - self.size[:, 0]

    def step(self, dt: float) -> None:
        """Move everybody by one step.

        Args:
            dt: s.
        """
        self._draw_tickets()
        pull = np.minimum(self._pull(*self._ahead()), self._yield())
        after = np.maximum(0, self.speed + np.clip(pull, -HARDEST, PULL) * dt)
        self.along, self.speed = self.along + (self.speed + after) / 2 * dt, after

    def _here(self, values: list[np.ndarray]) -> np.ndarray:
        k = np.rint(self.along / SPACING).astype(int)
        return np.array([values[r][min(i, len(values[r]) - 1)] for r, i in zip(self.route, k, strict=True)])

    def _pull(self, gap: np.ndarray, closing: np.ndarray) -> np.ndarray:
        want = np.minimum(self.want, self._here(self.network.speeds))
        wanted = GAP + np.maximum(0, HEADWAY * self.speed + self.speed * closing / (2 * np.sqrt(PULL * BRAKE)))
        return PULL * (1 - (self.speed / want) ** 4 - (wanted / np.maximum(gap, 0.1)) ** 2)

    def _draw_tickets(self) -> None:
        late = self.along - self.line
        for vehicle in np.argsort(-late):
            if late[vehicle] > 0 and np.isinf(self.ticket[vehicle]):
                drawn = self.ticket[np.isfinite(self.ticket)]
                self.ticket[vehicle] = drawn.max(initial=-1) + 1

    def _ahead(self) -> tuple[np.ndarray, np.ndarray]:
        """Gap to the nearest vehicle on the own path, and the speed at which it closes; (A,) m and m/s."""  # noqa: DOC201
        along, apart = self.network.place
        k = np.minimum(np.rint(self.along / SPACING).astype(int), along.shape[2] - 1)
        own, other = self.route[:, None], self.route[None, :]
        there, aside = along[own, other, k[None, :]], apart[own, other, k[None, :]]
        heading = self._here(self.network.headings)
        turn = heading[None, :] - heading[:, None]
        half = self.size / 2
        length = np.abs(np.cos(turn)) * half[None, :, 0] + np.abs(np.sin(turn)) * half[None, :, 1]
        width = np.abs(np.sin(turn)) * half[None, :, 0] + np.abs(np.cos(turn)) * half[None, :, 1]
        seen = (aside < width + half[:, None, 1] + BESIDE) & (there > self.along[:, None]) & ~self.gone[None, :]
        np.fill_diagonal(seen, False)
        gap = np.where(seen, there - self.along[:, None] - length - half[:, None, 0], FREE)
        nearest = gap.argmin(1)
        row = np.arange(len(gap))
        return gap[row, nearest], self.speed - self.speed[nearest] * np.cos(turn[row, nearest])

    def _yield(self) -> np.ndarray:
        """Acceleration that lets whoever has an earlier ticket go first; (A,) m/s².

        Two ways are safe: to stop before the conflict, or, where the routes merge, to follow the other as if it were
        ahead already, by the distances that both have left. The gentler one is taken.
        """  # noqa: DOC201
        room = np.full(len(self.route), FREE)
        follow, closing = room.copy(), np.zeros(len(self.route))
        half, gone, pull = self.size[:, 0] / 2, self.gone, np.full(len(self.route), PULL)
        front, rear = self.along + half, self.along - half
        for own, other in np.argwhere(self.ticket[:, None] > self.ticket[None, :]):
            zone = self.network.zones.get((int(self.route[own]), int(self.route[other])))
            if zone is None or gone[other] or front[own] > zone.entry:
                continue
            if rear[other] < (zone.other_entry + 1 if zone.merges else zone.other_leave):
                room[own] = min(room[own], zone.entry - front[own])
                gap = zone.entry - front[own] - (zone.other_entry - rear[other]) if zone.merges else 0.0
                if gap < follow[own]:
                    follow[own], closing[own] = gap, self.speed[own] - self.speed[other]
        held = room < FREE
        pull[held] = np.maximum(self._pull(room, self.speed), self._pull(follow, closing))[held]
        return pull
