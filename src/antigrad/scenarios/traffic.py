"""Rows of an attack: one per scene, or one a (scene, candidate); who moves, what stands fixed, what the log did.

Symbols: R rows, M movers of a row (padded), A objects, T states. Movers are simulated; every other object replays its
record. The ego is a constant of the optimisation, whatever drives it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.gap import Box, boxes
from antigrad.scenarios.scene import Scenes, longest_run
from antigrad.scenarios.sdf import SignedDistance
from antigrad.scenarios.vehicles import Log, Vehicle

Jobs = Literal["scene", "candidate"]


@dataclass(frozen=True, eq=False)
class Traffic:
    """What does not change while the actions of the movers do.

    Args:
        scene: (R,) number of the scene of each row.
        mover: (R, M) number of the object; 0 where padded.
        moving: (R, M) True where not padded.
        live: (R, M, T) True on the steps in which a mover is simulated: its longest run of valid steps.
        log: Recorded motion of the movers on these steps, the first and last state held outside.
        driven: States that the model reaches with the log's actions: where the optimisation starts.
        size: (R, M, 2) m.
        others: (R, A, T) recorded boxes of all objects but the ego, movers included.
        present: (R, A, T) True where such an object is there and is neither the ego nor a mover.
        other_speed: (R, A, T) m/s.
        kind: (R, A).
        ego_log: (R, T) recorded ego on its longest run of valid steps, the first and last state held outside.
        ego_valid: (R, T) True on that run.
        ego_size: (R, 2) m.
        road: Signed distances, one raster a scene; None without a map.
        horizon: (R,) states up to the last in which anything of the scene was seen: T without the padding.
        dt: s.
    """

    scene: Tensor
    mover: Tensor
    moving: Tensor
    live: Tensor
    log: Log
    driven: States
    size: Tensor
    others: Box
    present: Tensor
    other_speed: Tensor
    kind: Tensor
    ego_log: States
    ego_valid: Tensor
    ego_size: Tensor
    road: SignedDistance | None
    horizon: Tensor
    dt: float

    def __len__(self) -> int:
        return len(self.scene)

    @property
    def steps(self) -> int:
        """T, the number of states."""
        return self.live.shape[-1]

    @cached_property
    def driven_boxes(self) -> Box:
        """(R, M, T) boxes of the movers before the attack."""
        return boxes(self.driven, self.size)

    @cached_property
    def slot(self) -> Tensor:
        """(R, A) which mover an object is, -1 for none."""
        slots = torch.full(self.kind.shape, -1, device=self.kind.device)
        row, number = self.moving.nonzero(as_tuple=True)
        slots[row, self.mover[row, number]] = number
        return slots

    def take(self, rows: Tensor) -> Traffic:
        """Keep some rows.

        Args:
            rows: (R',) numbers.

        Returns:
            Those rows, with the same padding.
        """

        def cut(value: object) -> object:
            if isinstance(value, Tensor):
                return value[rows]
            if isinstance(value, Log):
                return replace(value, states=value.states.take(rows), course=value.course[rows], mask=value.mask[rows])
            return type(value)(*(item[rows] for item in value)) if isinstance(value, Box | States) else value

        return replace(self, **{field.name: cut(getattr(self, field.name)) for field in fields(self)})  # type: ignore


def rows_of(scenes: Scenes, candidates: Tensor, vehicle: Vehicle, jobs: Jobs) -> Traffic:
    """Lay out the rows of an attack.

    Args:
        scenes: Arranged: the ego is object 0.
        candidates: (N, A) True where an object may be moved.
        vehicle: What the movers drive.
        jobs: `scene`: all candidates of a scene in one row; `candidate`: one row each.

    Returns:
        The rows, ordered by scene; scenes without a candidate have none.

    Raises:
        InputValueError: The ego is not object 0 of every scene.
    """
    if bool((scenes.ego != 0).any()):
        raise InputValueError(f"egos {scenes.ego.tolist()[:8]}", "the ego as object 0", "call scene.arrange first")
    if jobs == "candidate":
        scene, mover = candidates.nonzero(as_tuple=True)
        mover, moving = mover[:, None], torch.ones(len(scene), 1, dtype=torch.bool, device=scene.device)
    else:
        scene = candidates.any(1).nonzero()[:, 0]
        width = max(int(candidates.sum(1).max()), 1) if len(scene) else 1
        order = candidates[scene].long().argsort(dim=1, descending=True, stable=True)[:, :width]
        moving = candidates[scene].gather(1, order)
        mover = torch.where(moving, order, 0)
    return _layout(scenes, scene, mover, moving, vehicle)


def _layout(scenes: Scenes, scene: Tensor, mover: Tensor, moving: Tensor, vehicle: Vehicle) -> Traffic:
    log, live = recorded(scenes)
    at = (scene[:, None], mover)
    mine = Log(
        States(*(value[at] for value in log.states)), log.course[at], log.mask[at] & moving[..., None], scenes.dt
    )
    present = scenes.valid[scene].clone()
    present[:, 0] = False
    row, number = moving.nonzero(as_tuple=True)
    present[row, mover[row, number]] = False
    everyone = States(scenes.xy[..., 0], scenes.xy[..., 1], scenes.yaw, scenes.speed)
    size = torch.where(moving[..., None], scenes.size[at], 1.0)
    return Traffic(
        scene=scene,
        mover=mover,
        moving=moving,
        live=live[at] & moving[..., None],
        log=mine,
        driven=vehicle.roll(mine, vehicle.actions_of(mine)),
        size=size,
        others=boxes(everyone.take(scene), scenes.size[scene]),
        present=present,
        other_speed=scenes.speed[scene],
        kind=scenes.kind[scene],
        ego_log=States(*(value[scene, 0] for value in log.states)),
        ego_valid=live[scene, 0],
        ego_size=scenes.size[scene, 0],
        road=scenes.road,
        horizon=_horizon(scenes)[scene],
        dt=scenes.dt,
    )


def _horizon(scenes: Scenes) -> Tensor:
    seen = scenes.valid.any(1)
    steps = torch.arange(1, seen.shape[1] + 1, device=seen.device)
    return torch.where(seen, steps, 0).amax(1).clamp(min=1)


def recorded(scenes: Scenes) -> tuple[Log, Tensor]:
    """Recorded motion of all objects on their longest valid runs.

    Args:
        scenes: N scenes.

    Returns:
        The log, (N, A, T), with the first and last state of the run held outside it; and (N, A, T) True on the run.
    """
    live = longest_run(scenes.valid)
    steps = torch.arange(live.shape[-1], device=live.device).expand(live.shape)
    first = torch.where(live, steps, live.shape[-1] - 1).amin(-1, keepdim=True)
    last = torch.where(live, steps, 0).amax(-1, keepdim=True)
    held = torch.minimum(torch.maximum(steps, first), torch.maximum(first, last))

    def hold(value: Tensor) -> Tensor:
        return value.gather(-1, held)

    course = torch.atan2(scenes.vel[..., 1], scenes.vel[..., 0])
    states = States(hold(scenes.xy[..., 0]), hold(scenes.xy[..., 1]), hold(scenes.yaw), hold(scenes.speed))
    return Log(states, hold(course), live[..., 1:] & live[..., :-1], scenes.dt), live


@dataclass(frozen=True, eq=False)
class View:
    """What costs, rules and metrics see: the rows, where the movers are now, where the ego is.

    Args:
        traffic: The rows.
        states: (R, M, T) of the movers, with a graph while they are optimised.
        actions: (2, R, M, T-1), of the movers.
        ego: (R, T) of the ego, without a graph.
    """

    traffic: Traffic
    states: States
    actions: Tensor
    ego: States

    @cached_property
    def moved(self) -> Box:
        """(R, M, T) boxes of the movers, with the graph of the states."""
        with torch.enable_grad():  # Whoever asks first may do so without; what is kept must serve all.
            return boxes(self.states, self.traffic.size)

    @cached_property
    def ego_box(self) -> Box:
        """(R, 1, T) box of the ego."""
        return boxes(self.ego, self.traffic.ego_size).map(lambda value: value[:, None])

    @cached_property
    def live(self) -> Tensor:
        """(R, M, T) True where the mover is simulated and the ego is there."""
        return self.traffic.live & self.traffic.ego_valid[:, None]
