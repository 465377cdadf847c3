"""What a recording says about its own reading: a wrong unit or reference point does not crash, it biases."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from antigrad.scenarios.io.heading import heading_errors
from antigrad.scenarios.road import TOLERATED, off_road_baseline
from antigrad.scenarios.scene import Scenes

AHEAD = (0.8, 1.8)
"""m: where the centre of a car's box lies ahead of its no-slip point."""
TURN, NEED = 0.15, 16
"""rad/s of a turning state, and how many of them are needed."""
HEADING = 0.2


@dataclass(frozen=True)
class Diagnosis:
    """What was found in one scene.

    Args:
        id: The scene.
        no_slip: m from the ego's no-slip point (the rear axle) ahead to its recorded point; NaN where it hardly turns.
        heading_error: rad, median difference of heading and direction of travel of vehicles above 3 m/s; NaN without.
        off_road: Share of logged corners off the road; see `road.off_road_baseline`. NaN where not rasterised.
        warnings: One sentence a doubt; empty when all is well.
    """

    id: str
    no_slip: float
    heading_error: float
    off_road: float
    warnings: tuple[str, ...]


def no_slip_offset(scenes: Scenes) -> list[float]:
    r"""How far the ego's recorded point lies ahead of the point that does not slip sideways.

    $$d=\frac{\sum_t v^{\perp}_t\,\omega_t}{\sum_t\omega_t^2},\qquad\lvert\omega_t\rvert>0.15\ \mathrm{rad/s}$$

    About 1.3 m means the box centre, 0 the rear axle.

    Args:
        scenes: Any scenes.

    Returns:
        m for each scene; NaN without an ego, or with fewer than 16 turning states.

    Source: kinematics of a rolling vehicle; ours.
    """
    return [_offset(scenes, row) for row in range(len(scenes))]


def _offset(scenes: Scenes, row: int) -> float:
    ego = int(scenes.ego[row])
    seen = scenes.valid[row, ego].nonzero().flatten().numpy() if ego >= 0 else np.zeros(0, int)
    if len(seen) < NEED or (np.diff(seen) > 1).any():
        return math.nan
    yaw, xy = scenes.yaw[row, ego].double().numpy()[seen], scenes.xy[row, ego].double().numpy()[seen]
    turn, step = np.gradient(np.unwrap(yaw), scenes.dt), np.gradient(xy, scenes.dt, axis=0)
    sideways = np.cos(yaw) * step[:, 1] - np.sin(yaw) * step[:, 0]
    turning = np.abs(turn) > TURN
    if turning.sum() < NEED:
        return math.nan
    return float(sideways[turning] @ turn[turning] / (turn[turning] @ turn[turning]))


def diagnose(scenes: Scenes) -> list[Diagnosis]:
    """Check how each scene was read.

    Args:
        scenes: Any scenes; rasterised ones are also checked against their map.

    Returns:
        One diagnosis a scene.
    """
    off_road = [math.nan] * len(scenes) if scenes.road is None else off_road_baseline(scenes).tolist()
    found: list[Diagnosis] = []
    for row, (record, offset) in enumerate(zip(scenes.records, no_slip_offset(scenes), strict=True)):
        yaw, vel = scenes.yaw[row].double().numpy(), scenes.vel[row].double().numpy()
        heading = heading_errors(yaw, vel, scenes.valid[row].numpy(), scenes.kind[row].numpy())[1]
        doubts = {
            f"the ego's point is {offset:.2f} m ahead of its rear axle; a box centre is {AHEAD[0]} to {AHEAD[1]} m": (
                not math.isnan(offset) and not AHEAD[0] <= offset <= AHEAD[1]
            ),
            f"headings are {heading:.2f} rad off the direction of travel; check the unit": heading > HEADING,
            f"{off_road[row]:.0%} of the logged corners are off the road: no off-road cost": off_road[row] > TOLERATED,
        }
        warnings = tuple(text for text, doubt in doubts.items() if doubt)
        found.append(Diagnosis(record.id, offset, heading, off_road[row], warnings))
    return found
