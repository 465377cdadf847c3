"""The acceleration-curvature vehicle of the published simulator, whose speed swings back below zero."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.dynamics import States, clip
from antigrad.scenarios.vehicles.no_reverse import NoReverse
from antigrad.scenarios.vehicles.vehicle import Log


@dataclass(frozen=True)
class Reflecting(NoReverse):
    r"""Acceleration-curvature vehicle whose speed swings back: one step backwards, then forwards at the same speed.

    $$v_{t+1}=|v_t|+a_t\Delta t,\quad x_{t+1}=x_t+(v_t\Delta t+\tfrac12a_t\Delta t^2)\cos\psi_t,\quad
    \psi_{t+1}=\psi_t+\kappa_t(|v_t|\Delta t+\tfrac12a_t\Delta t^2)$$

    Args:
        slow: As in `no_reverse`.
        closed: As in `no_reverse`.

    Sign: positive acceleration is forward, positive curvature turns left.

    Source: Yin et al. 2024, arXiv 2409.07830, through the simulator their code uses.

    Deviations: the signs of the speeds are found by a loop without gradient, and only when a speed falls below zero;
        the rest is sums. The first step goes along the yaw, not along a recorded velocity that is not aligned with it.

    Example:
        >>> zero = torch.zeros(1, 6)
        >>> log = Log(States(zero, zero, zero, zero + 0.5), zero, zero[:, 1:] == 0, 0.1)
        >>> braking = torch.tensor([[[-6.0, -6.0, 0.0, 2.0, 2.0]], [[0.0] * 5]])
        >>> [round(v, 3) for v in Reflecting().roll(log, braking).speed[0, 1:].tolist()]
        [-0.1, -0.5, 0.5, 0.7, 0.9]
    """

    def roll(self, log: Log, actions: Tensor) -> States:  # noqa: D102
        start, dt = log.start, log.dt
        a, k = (clip(actions) * log.mask).unbind(0)
        flips = _flips(start.speed.detach(), a.detach() * dt)
        # With the signs known, v_{t+1} = σ_t v_t + a_t Δt is a sum: v_t = p_t (v_0 + Δt Σ a_k / p_{k+1}), p = Πσ.
        product = flips.cumprod(-1)
        v1 = product * (start.speed[..., None] + dt * (a * product).cumsum(-1))
        v = torch.cat([start.speed[..., None], v1[..., :-1]], -1)
        s = (v * dt + 0.5 * a * dt * dt) * log.mask
        turn = k * (v * flips * dt + 0.5 * a * dt * dt) * log.mask
        yaw = _from(start.yaw, turn)
        x = _from(start.x, s * yaw[..., :-1].cos())
        y = _from(start.y, s * yaw[..., :-1].sin())
        return States(x, y, yaw, torch.cat([start.speed[..., None], v1], -1))


def _from(start: Tensor, steps: Tensor) -> Tensor:
    return torch.cat([start[..., None], start[..., None] + steps.cumsum(-1)], -1)


def _flips(speed: Tensor, gain: Tensor) -> Tensor:
    # Sign with which each step reads the speed it starts from, (..., T).
    if not gain.numel() or float((speed[..., None] + gain.cumsum(-1)).min()) >= 0:
        return torch.ones_like(gain)
    signs: list[Tensor] = []
    for t in range(gain.shape[-1]):
        signs.append(torch.where(speed < 0, -1.0, 1.0).to(gain))
        speed = speed.abs() + gain[..., t]
    return torch.stack(signs, -1)
