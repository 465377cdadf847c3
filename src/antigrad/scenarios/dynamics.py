r"""The acceleration-curvature vehicle as prefix sums, and its exact adjoint: no loop over time or agents.

Symbols: x, y (m) box centre, ψ (rad) yaw, v ≥ 0 (m/s) speed along the yaw, a (m/s²) acceleration, κ (1/m)
curvature, s_t (m) distance driven in step t, m_t step mask, T the number of steps (T+1 states).

$$v_{t+1}=\max(0,v_t+m_ta_t\Delta t),\quad s_t=m_t\tfrac{\Delta t}2(v_t+v_{t+1}),\quad
\psi_t=\psi_0+\sum_{k<t}\kappa_ks_k,\quad x_t=x_0+\sum_{k<t}s_k\cos\psi_k,\quad y_t=y_0+\sum_{k<t}s_k\sin\psi_k$$

The speed is a sum too (Lindley): with $S_t=v_0+\Delta t\sum_{k<t}m_ka_k$, $v_t=S_t-\min(0,\min_{k\le t}S_k)$.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

MAX_ACCELERATION = 6.0
"""m/s²; actions beyond it are clipped."""
MAX_CURVATURE = 0.3
"""1/m; actions beyond it are clipped."""


class States(NamedTuple):
    """States of objects: x, y in m, yaw in rad, speed along the yaw in m/s, all of one shape."""

    x: Tensor
    y: Tensor
    yaw: Tensor
    speed: Tensor

    def take(self, rows: Tensor | slice) -> States:
        """Keep some rows.

        Args:
            rows: Index of the first axis.

        Returns:
            Those rows.
        """
        return States(*(value[rows] for value in self))

    def detach(self) -> States:
        """Cut the graph.

        Returns:
            The same numbers without a graph.
        """
        return States(*(value.detach() for value in self))


def wrap(angle: Tensor) -> Tensor:
    """Bring an angle into [-π, π).

    Args:
        angle: rad.

    Returns:
        The same direction.

    Example:
        >>> round(wrap(torch.tensor(6.0)).item(), 4)
        -0.2832
    """
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi


def clip(actions: Tensor) -> Tensor:
    """Bring actions into the bounds of the vehicle.

    Args:
        actions: (2, ...) acceleration and curvature.

    Returns:
        Actions within ±6 m/s² and ±0.3 1/m.
    """
    return torch.stack(
        [actions[0].clamp(-MAX_ACCELERATION, MAX_ACCELERATION), actions[1].clamp(-MAX_CURVATURE, MAX_CURVATURE)]
    )


def roll_out(start: States, actions: Tensor, mask: Tensor | None = None, dt: float = 0.1) -> States:
    r"""Drive from a start with given actions; the derivative is exact.

    Args:
        start: State at step 0, each (...).
        actions: (2, ..., T) acceleration and curvature, clipped to the bounds.
        mask: (..., T) True on steps in which the object is simulated; else it stands where it is and keeps its
            speed. None for all of them.
        dt: s.

    Returns:
        (..., T+1) states, the start first.

    Sign: positive curvature turns left.

    Source: the bicycle of the simulator used by Yin et al. 2024, arXiv 2409.07830, summed here; adjoint ours.

    Deviations: the simulator lets a speed below zero swing back as forward motion; here the vehicle stops
        (`vehicles.reflecting` has the simulator's form). At clips and at the stop the one-sided derivative that lets
        a vehicle go on counts: automatic differentiation of the running minimum gives a parked car gradient zero.

    Example:
        >>> zero = torch.zeros(1)
        >>> braking = torch.tensor([[[-6.0, -6.0, 0.0, 2.0]], [[0.0] * 4]])
        >>> [round(v, 3) for v in roll_out(States(zero, zero, zero, zero + 0.5), braking).speed[0].tolist()]
        [0.5, 0.0, 0.0, 0.0, 0.2]
    """
    return States(*_PrefixSums.apply(torch.stack(tuple(start)), actions, mask, dt).unbind(0))  # pyright: ignore


class _PrefixSums(torch.autograd.Function):
    """Start (4, ...), actions (2, ..., T), mask (..., T) -> states (4, ..., T+1)."""

    @staticmethod
    def forward(ctx: Any, start: Tensor, actions: Tensor, mask: Tensor | None, dt: float) -> Tensor:
        a, k = actions.unbind(0)
        free_a, free_k = a.abs() <= MAX_ACCELERATION, k.abs() <= MAX_CURVATURE
        a, k = a.clamp(-MAX_ACCELERATION, MAX_ACCELERATION), k.clamp(-MAX_CURVATURE, MAX_CURVATURE)
        if mask is not None:
            free_a, free_k = free_a & mask, free_k & mask
            a, k = a * mask, k * mask
        out = actions.new_empty(4, *a.shape[:-1], a.shape[-1] + 1)
        out[..., 0] = start
        speed = out[3, ..., 1:]
        torch.cumsum(a, -1, out=speed)
        speed.mul_(dt).add_(start[3][..., None])
        alive = None
        if speed.numel() and float(speed.min()) < 0:
            low = speed.cummin(-1).values.clamp_(max=0)
            speed.sub_(low).clamp_(min=0)
            rounding = -1e-6 if a.dtype == torch.float32 else -1e-12
            alive = out[3, ..., :-1] + a * dt >= rounding
        s = (out[3, ..., :-1] + speed).mul_(0.5 * dt)
        if mask is not None:
            s *= mask
        torch.cumsum(k * s, -1, out=out[2, ..., 1:])
        out[2, ..., 1:] += start[2][..., None]
        cos, sin = out[2, ..., :-1].cos(), out[2, ..., :-1].sin()
        torch.cumsum(s * cos, -1, out=out[0, ..., 1:])
        torch.cumsum(s * sin, -1, out=out[1, ..., 1:])
        out[:2, ..., 1:] += start[:2, ..., None]
        ctx.save_for_backward(free_a, free_k, k, s, cos, sin, alive, mask)
        ctx.dt = dt
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, None, None]:  # pyright: ignore
        free_a, free_k, k, s, cos, sin, alive, mask = ctx.saved_tensors
        (grad,), dt = grads, ctx.dt
        later = _suffix(grad[:3])  # Λ of the cotangents of x, y, ψ
        lx, ly = later[0, ..., 1:], later[1, ..., 1:]
        turned = _suffix(s * (ly * cos - lx * sin))  # Λ of q, the effect of ψ_t on what is driven after it
        lp = later[2, ..., 1:].clone()
        lp[..., :-1] += turned[..., 1:]
        gamma = lx * cos + ly * sin + lp * k  # ∂/∂s_t
        if mask is not None:
            gamma = gamma * mask
        mu = grad[3, ..., 1:] + 0.5 * dt * gamma  # ∂/∂v_{t+1}, without the stop
        mu[..., :-1] += 0.5 * dt * gamma[..., 1:]
        held, held_start = _until_stop(_suffix(mu), alive)
        start = None
        if ctx.needs_input_grad[0]:  # An attack moves actions only.
            first = grad[3, ..., 0] + 0.5 * dt * gamma[..., 0] + held_start
            start = torch.stack([later[0, ..., 0], later[1, ..., 0], later[2, ..., 0] + turned[..., 0], first])
        return start, torch.stack([dt * held * free_a, lp * s * free_k]), None, None


def _suffix(values: Tensor) -> Tensor:
    # Not total minus prefix: what comes after the last cotangent must be zero exactly, Adam would blow up the rest.
    return values.flip(-1).cumsum(-1).flip(-1)


def _until_stop(total: Tensor, alive: Tensor | None) -> tuple[Tensor, Tensor]:
    # Sum of μ from step t+1 to the next stop, for each action and for the first speed; total = Λμ.
    if alive is None:
        return total, total[..., 0]
    steps = total.shape[-1]
    number = torch.arange(steps, device=total.device).expand(alive.shape)
    stop = torch.where(alive, steps, number).flip(-1).cummin(-1).values.flip(-1)
    padded = torch.cat([total, torch.zeros_like(total[..., :1])], -1)
    held = total - padded.gather(-1, stop)
    return torch.where(alive, held, 0.0), total[..., 0] - padded.gather(-1, stop[..., :1])[..., 0]
