"""Made-up traffic for tests: cars that drive straight on, a road between two edges."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from antigrad.scenarios.scene import Record, Scenes
from antigrad.scenarios.sdf import SignedDistance
from antigrad.scenarios.traffic import Traffic, View, rows_of
from antigrad.scenarios.vehicles import VEHICLES, Vehicle

CHECKS = Path(__file__).parents[2].parent / "shared" / "specs" / "checks" / "scenarios"


def oracle(name: str) -> ModuleType:
    """A reference script beside the repository; the test is skipped where there is none."""
    if not (CHECKS / f"{name}.py").exists():
        pytest.skip(f"the reference {name}.py is not beside the repository")
    sys.path.insert(0, str(CHECKS))
    try:
        return __import__(name)
    finally:
        sys.path.remove(str(CHECKS))


@dataclass(frozen=True)
class Car:
    """A car that drives straight on; valid from `first` to before `last`."""

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0
    speed: float = 10.0
    size: tuple[float, float] = (4.5, 2.0)
    kind: int = 1
    first: int = 0
    last: int = 10_000


def scene(*cars: Car, steps: int = 41, half_road: float | None = None, name: str = "made up") -> Scenes:
    """One float64 scene; the first car is the ego. The road is |y| <= half_road."""
    time = torch.arange(steps, dtype=torch.float64) * 0.1
    valid = torch.stack([(torch.arange(steps) >= car.first) & (torch.arange(steps) < car.last) for car in cars])
    x = torch.stack([car.x + car.speed * math.cos(car.yaw) * time for car in cars])
    y = torch.stack([car.y + car.speed * math.sin(car.yaw) * time for car in cars])
    velocity = torch.tensor([[car.speed * math.cos(car.yaw), car.speed * math.sin(car.yaw)] for car in cars])
    inside = valid[..., None].double()
    return Scenes(
        xy=(torch.stack([x, y], -1) * inside)[None],
        yaw=(torch.tensor([[car.yaw] for car in cars], dtype=torch.float64) * inside[..., 0])[None],
        vel=(velocity.double()[:, None] * inside)[None],
        size=torch.tensor([car.size for car in cars], dtype=torch.float64)[None],
        valid=valid[None],
        kind=torch.tensor([[car.kind for car in cars]]),
        ego=torch.zeros(1, dtype=torch.long),
        dt=0.1,
        records=(Record(name, objects=tuple(f"car {n}" for n in range(len(cars)))),),
        road=None if half_road is None else straight_road(half_road),
    )


def straight_road(half: float, cell: float = 1.0, reach: int = 150) -> SignedDistance:
    """|y| - half on a raster around the origin."""
    side = 2 * reach + 1
    rows = (torch.arange(side, dtype=torch.float64) - reach) * cell
    values = (rows.abs() - half)[:, None].expand(side, side)[None]
    origin = torch.full((1, 2), -reach * cell, dtype=torch.float64)
    return SignedDistance(values.contiguous(), origin, torch.tensor([[side, side]]), cell)


def traffic_of(
    scenes: Scenes, movers: Sequence[int] | None = None, jobs: Any = "scene", vehicle: str = "no_reverse"
) -> tuple[Traffic, Vehicle]:
    """Rows in which the given objects move; all but the ego by default."""
    made = VEHICLES.make(vehicle)
    chosen = scenes.present.clone()
    chosen[:, 0] = False
    if movers is not None:
        chosen &= torch.zeros_like(chosen).index_fill_(1, torch.tensor(list(movers)), True)
    return rows_of(scenes, chosen, made, jobs), made


def view_of(traffic: Traffic, vehicle: Vehicle, actions: torch.Tensor | None = None) -> View:
    """The rows after actions; after the log's by default."""
    actions = vehicle.actions_of(traffic.log) if actions is None else actions
    return View(traffic, vehicle.roll(traffic.log, actions), actions, traffic.ego_log)
