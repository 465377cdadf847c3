"""The ego's lattice of escapes: braking or speeding up, times a swerve, from every start."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from antigrad.scenarios.dynamics import MAX_CURVATURE, States, roll_out, wrap
from antigrad.scenarios.planners.path import Path

ACCELERATIONS = (-6.0, -4.0, -2.0, 0.0, 2.0)
"""m/s², held until standstill."""
SIDES = (-4.0, -2.0, 0.0, 2.0, 4.0)
"""m/s² across: one second to one side, one second back, then along the path."""
GRIP = 8.0
"""m/s² that tyres give in all."""


@dataclass(frozen=True)
class Lattice:
    """Escapes to try; the default has 25, of which those beyond the grip are left out.

    Args:
        accelerations: m/s².
        sides: m/s² across.
        grip: m/s².

    Example:
        >>> len(Lattice().manoeuvres), Lattice(accelerations=(-6.0,), sides=(0.0,)).manoeuvres
        (25, [(-6.0, 0.0)])
    """

    accelerations: tuple[float, ...] = ACCELERATIONS
    sides: tuple[float, ...] = SIDES
    grip: float = GRIP

    @cached_property
    def manoeuvres(self) -> list[tuple[float, float]]:
        """Acceleration and side of each, m/s²."""
        return [(a, b) for a in self.accelerations for b in self.sides if math.hypot(a, b) <= self.grip]

    def roll(self, ego: States, starts: Tensor, steps: int, dt: float) -> States:
        """Roll all escapes out from all starts, along the curvature of the ego's own path.

        Args:
            ego: (T,) what the ego did.
            starts: (S,) steps.
            steps: H.
            dt: s.

        Returns:
            (S, K, H) states after the start.
        """
        before = starts.clamp(max=len(ego.x) - 2)
        v0 = torch.hypot(ego.x[before + 1] - ego.x[before], ego.y[before + 1] - ego.y[before]) / dt
        a, side = torch.tensor(self.manoeuvres).to(ego.x).unbind(1)
        time = torch.arange(steps, device=ego.x.device).to(ego.x) * dt
        pace, which = a.unique(return_inverse=True)  # How far it gets depends on the acceleration alone.
        v = (v0[:, None, None] + pace[:, None] * time).clamp(min=0)
        path = Path.of(States(*(value[None] for value in ego)))
        arc, curvature = path.arc[0], _curvature(ego, path.arc[0])
        s = arc[starts][:, None, None] + torch.cat([torch.zeros_like(v[..., :1]), (dt * v).cumsum(-1)[..., :-1]], -1)
        place = (torch.searchsorted(arc, s.contiguous(), right=True) - 1).clamp(0, len(curvature) - 1)
        along = torch.where(s <= arc[-1], curvature[place], 0.0)
        swerve = torch.where(time < 1, 1.0, torch.where(time < 2, -1.0, 0.0)).to(ego.x)
        k = side[:, None] / v.clamp(min=3.0).square().index_select(1, which) * swerve
        k += along.index_select(1, which)
        start = States(*(value[starts][:, None].expand(-1, len(a)) for value in ego))._replace(
            speed=v0[:, None].expand(-1, len(a))
        )
        actions = torch.stack([a[:, None].expand_as(k), k.clamp(-MAX_CURVATURE, MAX_CURVATURE)])
        return States(*(value[..., 1:] for value in roll_out(start, actions, None, dt)))


def _curvature(ego: States, arc: Tensor) -> Tensor:
    # Curvature of a driven path between its states, (T-1,) 1/m.
    steps = arc.diff()
    turn = wrap(ego.yaw.diff()) / steps.clamp(min=0.05)
    return torch.where(steps > 0.05, turn, 0.0).clamp(-MAX_CURVATURE, MAX_CURVATURE)
