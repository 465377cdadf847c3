"""KING's bicycle: steering and throttle before a tanh, a soft stop, a loop over time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from antigrad.scenarios.dynamics import States, wrap
from antigrad.scenarios.vehicles.vehicle import Log, Vehicle, stacked_steps

FRONT, REAR = -0.090769, 1.417828
"""m, the fitted distances of the axles from the reference point."""
STEER = 0.36848
"""rad at full steering."""
THROTTLE, BRAKE = 0.56338, 4.9524
"""m/s² at full throttle, forward and backward."""
SHARPNESS = 7.0
"""1/(m/s) of the soft stop."""
_EDGE = 1 - 1e-6


@dataclass(frozen=True)
class King(Vehicle):
    r"""KING's bicycle.

    $$\beta=\arctan\Big(\tfrac{l_r}{l_f+l_r}\tan(0.36848\,u_s)\Big),\quad x'=x+v\cos(\psi+\beta)\Delta t,\quad
    \psi'=\psi+\tfrac v{l_r}\sin\beta\,\Delta t,\quad v'=\tfrac17\log(1+e^{7(v+a\Delta t)})$$

    with $u=\tanh\theta$ (throttle: $\tanh(\theta+10^{-3})$), a = 0.56338 u forward, 4.9524 u backward.

    Sign: positive throttle is forward, positive steering turns left.

    Source: Hanselmann et al. 2022, arXiv 2204.13683; the vehicle of Chen et al. 2021, arXiv 2105.00636.

    Deviations: the time step is that of the scenes (0.25 s there), and actions that follow a log are ours: KING starts
        from scenes it made up. A parked car creeps, as there: the soft stop adds ln(n+1)/7 m/s in n steps.

    Example:
        >>> zero = torch.zeros(1, 81, dtype=torch.float64)
        >>> log = Log(States(zero, zero, zero, zero), zero, zero[:, 1:] == 0, 0.25)
        >>> still = torch.zeros(2, 1, 80, dtype=torch.float64)
        >>> still[0] -= 1e-3
        >>> round(King().roll(log, still).speed[0, -1].item(), 6)
        0.627778
    """

    channels = ("throttle, before tanh", "steering, before tanh")

    def roll(self, log: Log, actions: Tensor) -> States:  # noqa: D102
        acceleration, slip = _commands(actions)
        x, y, yaw, v = log.start
        steps = [[value] for value in log.start]
        for t in range(log.mask.shape[-1]):
            driven, b = log.mask[..., t], slip[..., t]
            x = torch.where(driven, x + v * (yaw + b).cos() * log.dt, x)
            y = torch.where(driven, y + v * (yaw + b).sin() * log.dt, y)
            yaw = torch.where(driven, yaw + v / REAR * b.sin() * log.dt, yaw)
            v = torch.where(driven, _soft(v + acceleration[..., t] * log.dt), v)
            for column, value in zip(steps, (x, y, yaw, v), strict=True):
                column.append(value)
        return States(*(torch.stack(column, -1) for column in steps))

    @torch.no_grad()
    def actions_of(self, log: Log) -> Tensor:  # noqa: D102
        _, _, yaw, v = log.start
        throttles: list[Tensor] = []
        steers: list[Tensor] = []
        for t in range(log.mask.shape[-1]):
            driven = log.mask[..., t]
            want = log.states.speed[..., t + 1].clamp(min=1e-4)
            a = (torch.log(torch.expm1(SHARPNESS * want)) / SHARPNESS).where(want < 5, want) - v
            a = (a / log.dt).clamp(-BRAKE * _EDGE, THROTTLE * _EDGE)
            turn = wrap(log.states.yaw[..., t + 1] - yaw) * REAR / (v * log.dt)
            turn = torch.where(v < 0.6, 0.0, turn.nan_to_num()).clamp(-0.99, 0.99)
            u = torch.atan(turn.asin().tan() * (FRONT + REAR) / REAR) / STEER
            theta = torch.stack([torch.where(a >= 0, a / THROTTLE, a / BRAKE), u.clamp(-_EDGE, _EDGE)]).atanh()
            theta[0] -= 1e-3
            theta = torch.where(driven, theta, 0.0)
            acceleration, slip = _commands(theta)
            yaw = torch.where(driven, yaw + v / REAR * slip.sin() * log.dt, yaw)
            v = torch.where(driven, _soft(v + acceleration * log.dt), v)
            throttles.append(theta[0])
            steers.append(theta[1])
        return torch.stack([stacked_steps(throttles, v), stacked_steps(steers, v)])

    def physical(self, actions: Tensor) -> Tensor:  # noqa: D102
        acceleration, slip = _commands(actions)
        return torch.stack([acceleration, slip.sin() / REAR])


def _commands(actions: Tensor) -> tuple[Tensor, Tensor]:
    throttle, steer = (actions[0] + 1e-3).tanh(), actions[1].tanh()
    acceleration = torch.where(throttle >= 0, THROTTLE * throttle, BRAKE * throttle)
    return acceleration, (REAR / (FRONT + REAR) * (STEER * steer).tan()).atan()


def _soft(speed: Tensor) -> Tensor:
    return softplus(speed, beta=SHARPNESS, threshold=40.0)
