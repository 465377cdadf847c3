"""What a file may say: finite, physical numbers. One scene goes through here, whatever its format."""

from __future__ import annotations

from typing import Any

import numpy as np

from antigrad.core.errors import InputValueError
from antigrad.scenarios.scene import Record, Scenes, centre_of

FARTHEST, FASTEST, LONGEST = 20_000.0, 150.0, 100.0
"""m from the centre of the scene, m/s, m of a box."""
MAP, LENGTH = 100_000.0, 5_000_000.0
"""m from the centre of the scene to a point of its map, and of all its road edges together."""
MOST_OBJECTS, MOST_STATES = 20_000, 20_000


def admit(record: Record, **arrays: Any) -> Scenes:
    """Build one recentred scene, or say what is wrong with it.

    Args:
        record: Name, source and map, in the coordinates of the source.
        **arrays: The arguments of `Scenes.one`.

    Returns:
        The scene, its origin at the ego's position at mid-log.

    """
    refuse_absurd(record, **arrays)
    return Scenes.one(record, recentre=True, **arrays)


def refuse_absurd(record: Record, **arrays: Any) -> None:
    """Say what is wrong with a scene, if anything is.

    Args:
        record: Name, source and map.
        **arrays: The arguments of `Scenes.one`.

    Raises:
        InputValueError: Nothing is ever valid, a shape is wrong, or a number is absurd.
    """
    valid, xy = np.asarray(arrays["valid"], bool), np.asarray(arrays["xy"], float)
    if valid.ndim != 2 or valid.size == 0 or not valid.any():
        raise InputValueError(f"scene {record.id!r} has no object that is ever valid", "at least one", "leave it out")
    if valid.shape[0] > MOST_OBJECTS or valid.shape[1] > MOST_STATES:
        raise InputValueError(
            f"scene {record.id!r} has {valid.shape[0]} objects and {valid.shape[1]} states",
            f"at most {MOST_OBJECTS} and {MOST_STATES}",
            "cut it",
        )
    ego = arrays["ego"]
    if ego is not None and not (0 <= ego < len(valid) and bool(valid[ego].any())):
        raise InputValueError(f"ego {ego} of scene {record.id!r}", f"one of {len(valid)} objects, seen", "leave it out")
    if not (isinstance(arrays["dt"], float) and 0.005 <= arrays["dt"] <= 2):
        raise InputValueError(f"time step {arrays['dt']} s in {record.id!r}", "0.005 to 2 s", "check the time unit")
    centre = centre_of(xy, valid, ego)
    _bounded(record, "position (m from the centre)", np.abs(xy - centre).max(-1), valid, FARTHEST)
    _bounded(record, "velocity (m/s)", np.abs(np.asarray(arrays["vel"], float)).max(-1), valid, FASTEST)
    _bounded(record, "heading (rad)", np.abs(np.asarray(arrays["yaw"], float)), valid, 1e6)
    size = np.asarray(arrays["size"], float)
    _bounded(record, "size (m)", np.broadcast_to(size.max(-1)[:, None], valid.shape), valid, LONGEST)
    _bounded(record, "size below 0 (m)", np.broadcast_to(-size.min(-1)[:, None], valid.shape), valid, 0.0)
    _map_bounded(record, centre)


def _map_bounded(record: Record, centre: np.ndarray) -> None:
    lines = [line for name in ("edges", "areas", "lanes") for line in getattr(record, name)]
    near = (line.ndim == 2 and line.shape[1] == 2 and bool((np.abs(line - centre) <= MAP).all()) for line in lines)
    if not all(near):
        raise InputValueError(
            f"the map of {record.id!r} has points that are no (x, y) within {MAP / 1000:g} km",
            "points nearby",
            "cut it",
        )
    total = sum(float(np.hypot(*np.diff(line, axis=0).T).sum()) for line in record.edges)
    if total > LENGTH:
        raise InputValueError(
            f"the road edges of {record.id!r} are {total / 1000:.0f} km long", f"at most {LENGTH / 1000:g} km", "cut it"
        )


def _bounded(record: Record, what: str, value: np.ndarray, valid: np.ndarray, limit: float) -> None:
    bad = valid & ~(value <= limit)  # NaN is bad too
    if bad.any():
        thing, state = (int(where[0]) for where in np.nonzero(bad))
        raise InputValueError(
            f"{what} of object {thing} at state {state} of {record.id!r} is {value[thing, state]:.6g}",
            f"at most {limit:g}",
            "mark such states as not valid, or check the units",
        )
