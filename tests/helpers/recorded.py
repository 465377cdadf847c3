"""The 40 packed Waymo scenes beside the repository, and the attacks that were measured on them with the reference."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from antigrad.scenarios.attack import attack
from antigrad.scenarios.gap import corners
from antigrad.scenarios.io import find
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.recipe import preset
from antigrad.scenarios.road import rasterise
from antigrad.scenarios.scene import Scenes, arrange
from antigrad.scenarios.tools import CONTACT, HIT, Outcome, Tools
from helpers.data import shared

ROAD = "road_depth(baseline=false)"
CENTRES = {"centre_mean": 1.0, "centre_repulsion": 5.0}
"""The released objective, its road term dead."""
GAPS = {"gap_mean": 1.0, "gap_repulsion": 5.0, ROAD: 20.0}
CLOSEST = {"closest_approach": 1.0, "gap_repulsion": 5.0, ROAD: 20.0}
ALL = {"closest_approach": 1.0, "contact": 5.0, "road_depth": 20.0}
"""The corrected costs: all obstacles, what the log itself violates left out."""
FULL_STEER = [
    "vehicles",
    "seen",
    "static(speed=0)",
    "behind(valid_only=false)",
    "diverging(window=1.5707963,before=false)",
]
HALF_STEER = [*FULL_STEER, "half_steer"]
JOINT: dict[str, Any] = {
    "vehicle": "no_reverse",
    "jobs": "scene",
    "iterations": 250,
    "project": False,
    "invalid_contacts": False,
    "steering": HALF_STEER,
    "costs": GAPS,
}
SPLIT: dict[str, Any] = {"step_first": 0.05, "steering": FULL_STEER}
"""A step size for each channel, the whole steering step."""


@cache
def packed() -> Scenes:
    """The 40 packed scenes, up to 32 objects each."""
    files = find(shared("scenarios/womd_gpudrive_json_xz"))
    return rasterise(Scenes.concat([arrange(one) for source in files for one in source.read()])).to(torch.float32)


@dataclass(frozen=True)
class Result:
    """Scenes hit and attacked; largest deviation of the strikers of hits and of all rows; hits deep off the road."""

    hit: int
    attacked: int
    deviation: float
    all_deviation: float
    deep: int
    iteration: float


def attacked(planner: str = "log_replay", **changes: Any) -> Outcome:
    """An attack on the packed scenes: all candidates of a scene together, unless it is changed."""
    return attack(Tools.of(preset("regents_fixed", JOINT | changes), make_planner(planner)), packed())


def result(planner: str = "log_replay", **changes: Any) -> Result:
    """The same, in figures."""
    return judged(attacked(planner, **changes))


def judged(found: Outcome) -> Result:
    """What an attack comes to."""
    traffic, log = found.traffic, found.traffic.log.states
    row = torch.arange(len(found))
    hits = torch.tensor([status == HIT for status in found.status])
    ready = torch.tensor([status != CONTACT for status in found.status])
    off = torch.where(traffic.live, torch.hypot(found.states.x - log.x, found.states.y - log.y), 0.0)
    far = off.amax(-1)[row, found.striker]
    assert traffic.road is not None
    depth = traffic.road(corners(found.view.moved), traffic.scene)
    deep = torch.where(traffic.live[..., None], depth, 0.0).amax((-1, -2))[row, found.striker] > 1
    return Result(
        len(traffic.scene[hits].unique()),
        len(traffic.scene[ready].unique()),
        float(far[hits].mean()),
        float(far[ready].mean()),
        int((deep & hits).sum()),
        statistics.median(found.iteration[hits].tolist()),
    )
