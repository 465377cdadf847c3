"""Follows the recorded path at the recorded speed, and brakes for what it foresees."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.gap import Box, separation
from antigrad.scenarios.planners.path import Path
from antigrad.scenarios.planners.planner import Around, Drive, Planner, logged
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class Follower(Planner):
    r"""Waypoints of the recorded path at the recorded speed; brakes while a contact is foreseen.

    At each step the others are thought on along their yaw at their speed, the ego along its path at its own; if the
    boxes touch within a horizon, it brakes at `brake`, else it goes for the speed recorded at that place.

    Args:
        brake: m/s².
        horizon: s.
        margin: m by which the ego's box is grown.
        acceleration: m/s², for getting back to speed.

    Raises:
        InputValueError: An option is out of range.

    Sign: positive is forward.

    Source: ours, after the rule-based drivers of Hanselmann et al. 2022, arXiv 2204.13683.

    Deviations: none.

    Example:
        >>> Follower().brake
        6.0
    """

    brake: float = 6.0
    horizon: float = 2.5
    margin: float = 0.3
    acceleration: float = 2.0

    def __post_init__(self) -> None:
        if min(self.brake, self.horizon, self.acceleration) <= 0 or self.margin < 0:
            raise InputValueError(f"{self}", "numbers above 0, a margin of at least 0", "the defaults are usual")

    @torch.no_grad()
    def drive(self, view: View, prepared: tuple[Tensor, ...]) -> Drive:  # noqa: D102
        traffic, log = view.traffic, logged(view)
        around, path, dt = Around.of(view), Path.of(log), view.traffic.dt
        ahead = torch.arange(0, self.horizon + 1e-6, 0.25, device=log.x.device).to(log.x)
        half = (traffic.ego_size / 2 + self.margin)[:, None, None]
        s, v = torch.zeros_like(log.x[:, 0]), log.speed[:, 0].clamp(min=0)
        arcs, speeds = [s], [v]
        for t in range(traffic.steps - 1):
            x, y, yaw = (value[:, None] for value in path.at(s[:, None] + v[:, None] * ahead))
            own = Box(x, y, yaw.cos(), yaw.sin(), half[..., 0], half[..., 1])
            other = around.box.map(lambda value, t=t: value[..., t if value.shape[-1] > 1 else 0, None])
            driven = around.speed[:, :, t, None] * ahead
            other = other._replace(x=other.x + driven * other.cos, y=other.y + driven * other.sin)
            danger = ((separation(own, other) <= 0) & around.present[:, :, t, None]).flatten(1).any(1)
            place = torch.searchsorted(path.arc, s[:, None].contiguous(), right=True).clamp(max=traffic.steps - 1)
            want = (log.speed.gather(1, place)[:, 0] - v) / dt
            a = torch.where(danger, -self.brake, want.clamp(-self.brake, self.acceleration))
            after = (v + a * dt).clamp(min=0)
            s, v = s + 0.5 * (v + after) * dt, after
            arcs.append(s)
            speeds.append(v)
        x, y, yaw = path.at(torch.stack(arcs, 1))
        return Drive(States(x, y, yaw, torch.stack(speeds, 1)))
