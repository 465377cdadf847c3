"""Straight on at the first speed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.dynamics import States
from antigrad.scenarios.planners.planner import Drive, Planner, logged, start_of
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class ConstantVelocity(Planner):
    """Straight on at the speed of the first step.

    Sign: none.

    Source: ours, the least a planner can do.

    Deviations: none.

    Example:
        >>> ConstantVelocity().reactive
        False
    """

    reactive = False

    def drive(self, view: View, prepared: tuple[Tensor, ...]) -> Drive:  # noqa: D102
        first = start_of(logged(view))
        time = torch.arange(view.traffic.steps, device=first.x.device).to(first.x) * view.traffic.dt
        driven = first.speed[:, None] * time
        yaw = first.yaw[:, None].expand_as(driven)
        x, y = first.x[:, None] + driven * yaw.cos(), first.y[:, None] + driven * yaw.sin()
        return Drive(States(x, y, yaw, first.speed[:, None].expand_as(driven)))
