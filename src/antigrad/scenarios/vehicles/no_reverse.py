"""The acceleration-curvature vehicle that stops at zero speed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.dynamics import MAX_ACCELERATION, MAX_CURVATURE, States, clip, roll_out, wrap
from antigrad.scenarios.vehicles.vehicle import Log, Vehicle, stacked_steps


@dataclass(frozen=True)
class NoReverse(Vehicle):
    r"""Acceleration-curvature vehicle that stops: `dynamics.roll_out`, and its inverse.

    $$a_t=\frac{v^{log}_{t+1}-v_t}{\Delta t},\qquad
    \kappa_t=\frac{\operatorname{wrap}(\hat\psi_{t+1}-\psi_t)}{v_t\Delta t+\frac12a_t\Delta t^2}$$

    from the *driven* speed and yaw to the *recorded* next ones; $\hat\psi$ is the direction of the recorded velocity
    above `slow`, else the recorded yaw, and κ is 0 where the speed before or after is below `slow`.

    Args:
        slow: m/s, speed below which a direction of motion means nothing.
        closed: From the driven speed and yaw; open, from the recorded ones, errors add up along the path.

    Raises:
        InputValueError: `slow` is not a positive number.

    Sign: positive acceleration is forward, positive curvature turns left.

    Source: the bicycle and inverse of the simulator used by Yin et al. 2024, arXiv 2409.07830.

    Deviations: the speed stops at zero; see `dynamics`.

    Example:
        >>> from antigrad.scenarios.dynamics import States
        >>> x = torch.tensor([[0.0, 1.0, 2.1, 3.3]])
        >>> log = Log(States(x, 0 * x, 0 * x, torch.tensor([[10.0, 10.0, 11.0, 11.5]])), 0 * x, x[:, 1:] > 0, 0.1)
        >>> [round(a, 3) for a in NoReverse().actions_of(log)[0, 0].tolist()]
        [0.0, 6.0, 6.0]
    """

    slow: float = 0.6
    closed: bool = True

    def __post_init__(self) -> None:
        if not self.slow > 0:
            raise InputValueError(f"slow={self.slow}", "a speed above 0 m/s", "0.6 is the published simulator's")

    def roll(self, log: Log, actions: Tensor) -> States:  # noqa: D102
        return roll_out(log.start, actions, log.mask, log.dt)

    @torch.no_grad()
    def actions_of(self, log: Log) -> Tensor:  # noqa: D102
        recorded, dt = log.states, log.dt
        aim = torch.where(recorded.speed > self.slow, log.course, recorded.yaw)
        v, yaw = log.start.speed, log.start.yaw
        accelerations: list[Tensor] = []
        curvatures: list[Tensor] = []
        for t in range(log.mask.shape[-1]):
            if not self.closed:
                v, yaw = recorded.speed[..., t], recorded.yaw[..., t]
            after, driven = recorded.speed[..., t + 1], log.mask[..., t]
            raw = (after - v) / dt
            k = wrap(aim[..., t + 1] - yaw) / (v * dt + 0.5 * raw * dt * dt)
            k = torch.where((v < self.slow) | (after < self.slow) | ~k.isfinite(), 0.0, k)
            k = torch.where(driven, k.clamp(-MAX_CURVATURE, MAX_CURVATURE), 0.0)
            a = torch.where(driven, raw.clamp(-MAX_ACCELERATION, MAX_ACCELERATION), 0.0)
            yaw, v = yaw + k * (v * dt + 0.5 * a * dt * dt), v + a * dt
            accelerations.append(a)
            curvatures.append(k)
        return torch.stack([stacked_steps(accelerations, v), stacked_steps(curvatures, v)])

    def project(self, actions: Tensor) -> Tensor:  # noqa: D102
        return clip(actions)
