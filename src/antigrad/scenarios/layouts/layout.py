"""What a layout of roads is, and the pieces that routes are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from antigrad.core.errors import InputValueError

SPACING = 0.5
"""m between the points of a route."""


@dataclass(frozen=True)
class Layout(ABC):
    """Roads of synthetic traffic: routes along lane centres, right-hand traffic, the point of interest near the origin.

    Args:
        lane_width: m.
        limit: m/s, the speed limit.

    Raises:
        InputValueError: A number is not above 0.
    """

    lane_width: float = 3.5
    limit: float = 13.9

    def __post_init__(self) -> None:
        if not (self.lane_width > 2.5 and self.limit > 0):
            raise InputValueError(f"{self}", "lanes wider than 2.5 m and a limit above 0", "3.5 m is usual")

    @abstractmethod
    def routes(self) -> list[np.ndarray]:
        """Lane centres that vehicles follow, in driving direction.

        Returns:
            (K, 2) m each, points `SPACING` apart.
        """


def joined(*pieces: np.ndarray) -> np.ndarray:
    """One route from pieces, resampled.

    Args:
        *pieces: (K, 2) m each, end to start.

    Returns:
        (L, 2) m, `SPACING` apart.
    """
    line = np.concatenate(pieces)
    line = line[np.append(True, np.hypot(*np.diff(line, axis=0).T) > 1e-9)]
    reach = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    marks = np.arange(0, reach[-1], SPACING)
    return np.stack([np.interp(marks, reach, line[:, axis]) for axis in (0, 1)], 1)


def straight(start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    """Return a straight piece.

    Args:
        start: m.
        end: m.

    Returns:
        (2, 2) m.
    """
    return np.array([start, end], float)


def arc(centre: tuple[float, float], radius: float, start: float, end: float) -> np.ndarray:
    """Return an arc, counter-clockwise where `end` is above `start`.

    Args:
        centre: m.
        radius: m.
        start: degrees.
        end: degrees.

    Returns:
        (K, 2) m, a point each 5 cm.
    """
    count = max(2, int(abs(end - start) * np.pi / 180 * radius / 0.05))
    angle = np.radians(np.linspace(start, end, count))
    return np.array(centre) + radius * np.stack([np.cos(angle), np.sin(angle)], 1)


def turned(line: np.ndarray, degrees: float) -> np.ndarray:
    """Turn a piece about the origin.

    Args:
        line: (K, 2) m.
        degrees: Counter-clockwise.

    Returns:
        (K, 2) m.
    """
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return line @ np.array([[c, s], [-s, c]])


def shifted(start: float, end: float, first: float, last: float, over: tuple[float, float]) -> np.ndarray:
    """Return a piece along x that changes its y smoothly.

    Args:
        start: x in m where it begins.
        end: x in m where it ends.
        first: y in m before the change.
        last: y in m after it.
        over: x in m where the change begins and ends.

    Returns:
        (K, 2) m, a point each 10 cm.
    """
    x = np.arange(start, end, 0.1)
    share = np.clip((x - over[0]) / (over[1] - over[0]), 0, 1)
    return np.stack([x, first + (last - first) * share**3 * (10 - 15 * share + 6 * share**2)], 1)
