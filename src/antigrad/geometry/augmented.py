r"""Losses that change with time, rules with memory, and whether one constant metric explains many steps.

The first two are certified on a larger state, whose step and gradient are put together here; the
scalars of that pair go into `Certificate` as any others.

Symbols: y = −∇L (`descent`), g the step or velocity (`step`), P the preconditioner (g = P y).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.geometry.angle import check_pair
from antigrad.geometry.lengths import scaled, times_power_of_two

_GREATEST_ASYMMETRY = 1e-7


def with_time(step: Tensor, descent: Tensor, dloss_dt: float) -> tuple[Tensor, Tensor]:
    r"""Put time beside the parameters, for a loss that changes by itself.

    $$\tilde g=(g,1),\qquad\tilde y=(-\nabla L,-\partial_tL),\qquad
    \tilde g\cdot\tilde y=g\cdot y-\partial_tL$$

    Args:
        step: (D,) g per unit of time.
        descent: (D,) y.
        dloss_dt: ∂L/∂t at fixed parameters.

    Returns:
        g̃ and ỹ, (D + 1,) float64. A loss that falls by itself can make a useless rule look effective:
        look at g·y apart.

    Raises:
        InputTypeError: The shapes differ or are not (D,).
        InputValueError: A number is not finite.

    Sign: the loss falls if and only if g·y > ∂L/∂t.

    Source: time-dependent losses: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422; form derived here.

    Deviations: none.

    Example:
        >>> g, y = with_time(torch.tensor([1.0]), torch.tensor([0.5]), dloss_dt=2.0)
        >>> (g @ y).item()
        -1.5
    """
    g, y = _pair(step, descent)
    if not math.isfinite(dloss_dt):
        raise InputValueError(f"dloss_dt={dloss_dt}", "a finite number", "look at the loss")
    return torch.cat([g, g.new_ones(1)]), torch.cat([y, y.new_tensor([-dloss_dt])])


def heavy_ball_state(velocity: Tensor, descent: Tensor, friction: float) -> tuple[Tensor, Tensor]:
    r"""Put the velocity beside the parameters, for the continuous heavy ball and its energy.

    $$\dot\theta=v,\quad\dot v=-\gamma v-\nabla L,\quad E=L+\tfrac12|v|^2:\qquad
    \tilde g=(v,\,y-\gamma v),\quad\tilde y=-\nabla E=(y,\,-v),\quad\tilde g\cdot\tilde y=\gamma|v|^2$$

    Args:
        velocity: (D,) v.
        descent: (D,) y.
        friction: γ > 0.

    Returns:
        g̃ and ỹ, (2D,) float64; a certificate exists except at v = 0.

    Raises:
        InputTypeError: The shapes differ or are not (D,).
        InputValueError: An entry is not finite, or the friction is not positive.

    Sign: g̃·ỹ > 0: the energy falls, though L may rise.

    Source: higher-order rules: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422; form derived here.

    Deviations: none.

    Example:
        >>> g, y = heavy_ball_state(torch.tensor([2.0]), torch.tensor([-5.0]), friction=0.5)
        >>> (g @ y).item()
        2.0
    """
    v, y = _pair(velocity, descent)
    if not 0 < friction < math.inf:
        raise InputValueError(f"friction={friction}", "a positive number", "without friction the energy stays")
    return torch.cat([v, y - friction * v]), torch.cat([y, -v])


@dataclass(frozen=True)
class StaticMetric:
    """Whether one constant SPD P explains many steps.

    Args:
        exists: Whether there is one.
        asymmetry: ‖YᵀG − GᵀY‖/‖YᵀG‖ in Frobenius norm: how far the metric must move.
        preconditioner: Takes (D,) v to P v; None where there is no P.
    """

    exists: bool
    asymmetry: float
    preconditioner: Callable[[Tensor], Tensor] | None


def static_metric(descents: Tensor, steps: Tensor) -> StaticMetric:
    r"""Test whether one constant SPD P has P y_i = g_i for T pairs: unlike existence, this can fail.

    $$\exists\,P\iff Y^\top G=G^\top Y\succ0,\qquad
    P=G(Y^\top G)^{-1}G^\top+\mu\,\mathrm{proj}(\mathrm{span}\,Y)^\perp$$

    with the y_i, g_i the columns of Y, G and μ = tr(YᵀG)/tr(YᵀY).

    Args:
        descents: (T, D) y_i, linearly independent.
        steps: (T, D) g_i.

    Returns:
        The verdict. An asymmetry of up to 10⁻⁷ counts as rounding.

    Raises:
        InputTypeError: The shapes differ or are not (T, D).
        InputValueError: An entry is not finite, or the y_i are linearly dependent.

    Sign: P is positive definite: every g_i·y_i > 0.

    Source: derived here.

    Deviations: none.

    Example:
        >>> found = static_metric(torch.eye(2), torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
        >>> found.exists, static_metric(torch.eye(2), torch.tensor([[2.0, 1.0], [0.0, 2.0]])).exists
        (True, False)
    """
    check_pair(steps, descents)
    if steps.ndim != 2 or not len(steps):
        raise InputTypeError(f"steps of shape {tuple(steps.shape)}", "(T, D)", "one row per step")
    # P is of the order of G/Y: of vectors that are scaled it is multiplied back.
    (G, power), (Y, other) = scaled(steps.T), scaled(descents.T)
    rank = int(torch.linalg.matrix_rank(Y))
    if rank < Y.shape[1]:
        raise InputValueError(f"{Y.shape[1]} descents of rank {rank}", "independent ones", "take fewer steps")
    products = Y.T @ G
    size = float(products.norm())
    asymmetry = float((products - products.T).norm()) / size if size > 0 else 0.0
    symmetric = (products + products.T) / 2
    if asymmetry > _GREATEST_ASYMMETRY or not float(torch.linalg.eigvalsh(symmetric)[0]) > 0:
        return StaticMetric(False, asymmetry, None)
    basis = torch.linalg.qr(Y)[0]
    mu = float(products.trace()) / float((Y * Y).sum())

    def apply(vector: Tensor) -> Tensor:
        v = vector.double()
        inside = G @ torch.linalg.solve(symmetric, G.T @ v)
        found = inside + mu * (v - basis @ (basis.T @ v))
        return times_power_of_two(found, power - other).to(vector.dtype)

    return StaticMetric(True, asymmetry, apply)


def _pair(step: Tensor, descent: Tensor) -> tuple[Tensor, Tensor]:
    check_pair(step, descent)
    if step.ndim != 1:
        raise InputTypeError(f"vectors of shape {tuple(step.shape)}", "(D,)", "flatten them")
    return step.double(), descent.double()
