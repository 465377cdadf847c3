"""Degrees or radians: found by comparison with the velocity, file by file."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from antigrad.core.errors import InputValueError
from antigrad.scenarios.scene import VEHICLE, wrap

Unit = Literal["auto", "rad", "deg"]


class HeadingUnit(NamedTuple):
    """The unit, and the median error in rad that either reading gives (NaN without samples)."""

    unit: Literal["rad", "deg"]
    error_rad: float
    error_deg: float


def heading_errors(yaw: np.ndarray, vel: np.ndarray, valid: np.ndarray, kind: np.ndarray) -> tuple[int, float, float]:
    """Median difference of heading and direction of travel on vehicle states above 3 m/s.

    Args:
        yaw: (A, T) in either unit.
        vel: (A, T, 2) m/s.
        valid: (A, T) True where seen.
        kind: (A,) 1 for vehicles.

    Returns:
        Number of samples, and the median in rad if `yaw` is read as radians, and as degrees.
    """
    fast = valid & (kind == VEHICLE)[:, None] & (np.hypot(vel[..., 0], vel[..., 1]) > 3)
    if not fast.any():
        return 0, math.nan, math.nan
    travel, heading = np.arctan2(vel[..., 1], vel[..., 0])[fast], yaw[fast]
    radians, degrees = (float(np.median(np.abs(wrap(travel - h)))) for h in (heading, np.radians(heading)))
    return int(fast.sum()), radians, degrees


def heading_unit(
    yaw: np.ndarray, vel: np.ndarray, valid: np.ndarray, kind: np.ndarray, unit: Unit = "auto", need: int = 10
) -> HeadingUnit:
    """Decide a file's heading unit.

    The smaller median error wins. With fewer than `need` samples any heading above 4 pi means degrees. Headings are
    unwrapped in the files (up to 810 degrees, up to 10 rad), so a bound of 2 pi would misfire.

    Args:
        yaw: (A, T) in either unit.
        vel: (A, T, 2) m/s.
        valid: (A, T) True where seen.
        kind: (A,) 1 for vehicles.
        unit: `rad` or `deg` settles it.
        need: Samples needed.

    Returns:
        The unit and both errors.

    Raises:
        InputValueError: Nothing decides.
    """
    samples, radians, degrees = heading_errors(yaw, vel, valid, kind)
    if unit != "auto":
        return HeadingUnit(unit, radians, degrees)
    if samples >= need:
        return HeadingUnit("deg" if degrees < radians else "rad", radians, degrees)
    if np.abs(yaw[valid]).max(initial=0.0) > 4 * math.pi:
        return HeadingUnit("deg", radians, degrees)
    raise InputValueError(
        f"headings up to {np.abs(yaw[valid]).max(initial=0.0):.3g} and {samples} fast vehicle states",
        f"{need} vehicle states above 3 m/s to tell degrees from radians",
        "give heading_unit=rad or heading_unit=deg",
    )
