r"""Steps of finite length, windows of many steps, and noise.

A finite step Δ lowers the loss if and only if ȳ·Δ > 0, with ȳ the negative gradient averaged along it: an
exact statement, without small steps. Any discrete gradient does for ȳ; Gonzalez' needs the gradient at the
start and two losses on one batch.

Symbols: y = −∇L at the start (`descent`), Δ or g the step (`step`), `drop` = L(θ) − L(θ + Δ).

Never certify a step on the batch that made it: plain gradient descent scores cos = 1 there by
construction, and |y|² of one batch holds the noise as well. A product of two independent batches is
unbiased.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.geometry.angle import Certificate, check_pair
from antigrad.geometry.lengths import scaled, times_power_of_two


def discrete_gradient(descent: Tensor, step: Tensor, drop: float) -> Tensor:
    r"""Correct the negative gradient along a step so that it tells the true drop of the loss.

    $$\bar y=y+\frac{(L-L')-y\cdot\Delta}{|\Delta|^2}\Delta,\qquad\bar y\cdot\Delta=L-L'$$

    Args:
        descent: y at the start of the step, any shape and float dtype.
        step: Δ, the same shape.
        drop: L(θ) − L(θ + Δ), both on one batch.

    Returns:
        ȳ of the shape given, float64.

    Raises:
        InputTypeError: The shapes differ.
        InputValueError: A number is not finite, or Δ is zero.

    Sign: `drop` is positive when the loss falls.

    Source: Gonzalez 1996, J. Nonlinear Sci. 6, 449 (discrete gradients).

    Deviations: none.

    Example:
        >>> import torch
        >>> y, delta = torch.tensor([-1.0, -4.0]), torch.tensor([-0.5, -0.25])
        >>> [round(value, 9) for value in discrete_gradient(y, delta, drop=1.25).tolist()]
        [-0.6, -3.8]
    """
    check_pair(step, descent)
    (delta, power), y = scaled(step), descent.double()
    size = float(delta.norm())
    if not math.isfinite(drop) or size == 0:
        raise InputValueError(f"drop={drop}, |step|={size}", "a finite drop, a step that moves", "skip this step")
    unit = delta / size
    slope = float(times_power_of_two(unit.new_tensor(drop / size), -power))
    found = y + (slope - float((y * unit).sum())) * unit
    if not math.isfinite(slope):
        raise InputValueError(f"a drop of {drop} over |step|={size:.3g}·2^{power}", "a longer step", "skip this step")
    return found


def discrete_certificate(step_sq: float, descent_sq: float, dot: float, drop: float) -> Certificate:
    r"""Certificate of a finite step against Gonzalez' discrete gradient, from scalars.

    $$|\bar y|^2=|y|^2\sin^2\psi+\Big(\frac{L-L'}{|\Delta|}\Big)^2,\qquad\bar y\cdot\Delta=L-L'$$

    Args:
        step_sq: |Δ|².
        descent_sq: |y|² at the start.
        dot: y·Δ.
        drop: L(θ) − L(θ + Δ), both on one batch.

    Returns:
        Certificate of Δ and ȳ; effective if and only if the loss fell.

    Raises:
        InputValueError: A number is not finite, a square is negative, or Δ is zero.

    Sign: `drop` is positive when the loss falls.

    Source: discrete steps: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422; this form derived here.

    Deviations: none.

    Example:
        >>> certificate = discrete_certificate(0.3125, 17.0, 1.5, drop=1.25)
        >>> certificate.effective, round(math.tan(certificate.psi), 9)
        (True, 1.4)
    """
    start = Certificate(step_sq, descent_sq, dot)
    if step_sq == 0 or not math.isfinite(drop):
        raise InputValueError(f"drop={drop}, step_sq={step_sq}", "a finite drop, a step that moves", "skip this step")
    along = drop / math.sqrt(step_sq)
    across = math.sqrt(descent_sq) * start.sin if descent_sq > 0 else 0.0
    return Certificate(step_sq, across * across + along * along, drop)


def discrete_angle(step_sq: float, descent_sq: float, dot: float, drop: float) -> float:
    r"""Angle of a finite step to Gonzalez' discrete gradient.

    $$\tan\psi_{disc}=\frac{|y||\Delta|\sin\psi}{L-L'}$$

    Args:
        step_sq: |Δ|².
        descent_sq: |y|² at the start.
        dot: y·Δ.
        drop: L(θ) − L(θ + Δ), both on one batch.

    Returns:
        Radians from 0 to π; NaN where the discrete gradient is zero.

    Raises:
        InputValueError: A number is not finite, a square is negative, or Δ is zero.

    Sign: below π/2 if and only if the loss fell.

    Source: derived here.

    Deviations: none.

    Example:
        >>> round(math.tan(discrete_angle(0.3125, 17.0, 1.5, drop=1.25)), 9)
        1.4
    """
    return discrete_certificate(step_sq, descent_sq, dot, drop).psi


def window_certificate(start: Tensor, end: Tensor, descent: Tensor, drop: float) -> Certificate:
    r"""Certificate of all steps of a window together, by its end points.

    $$\Delta=\theta_{t+T}-\theta_t$$

    and then as for one finite step. Heavy-ball steps, say, raise the loss at times and lower it over windows.

    Args:
        start: θ_t, any shape and float dtype.
        end: θ_{t+T}, the same shape.
        descent: y at θ_t, the same shape.
        drop: L(θ_t) − L(θ_{t+T}), both on one batch.

    Returns:
        Certificate of Δ and the discrete gradient; effective if and only if the loss fell.

    Raises:
        InputTypeError: The shapes differ.
        InputValueError: A number is not finite, or nothing moved.

    Sign: `drop` is positive when the loss falls.

    Source: windows: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422; this form derived here.

    Deviations: none.

    Example:
        >>> import torch
        >>> start, end, y = torch.tensor([1.0, 1.0]), torch.tensor([0.5, 0.75]), torch.tensor([-1.0, -4.0])
        >>> window_certificate(start, end, y, drop=1.25).effective
        True
    """
    check_pair(end, start)
    one = Certificate.of(end.double() - start.double(), descent)
    return discrete_certificate(one.step_sq, one.descent_sq, one.dot, drop)


def windowed_drop(start_loss: float, end_loss: float, duration: float) -> float:
    r"""Slope of the windowed loss against a continuous rule, from two values of the plain loss.

    $$\tilde L(\theta)=\frac1T\int_0^TL(\phi_s\theta)\,ds,\qquad
    -\nabla\tilde L\cdot g=\frac{L(\theta_t)-L(\theta_{t+T})}T$$

    with φ the flow of the rule. A rule that improves over every window is natural gradient descent on
    $\tilde L$, though L rises at times: our reading of "a suitably defined loss".

    Args:
        start_loss: L at the window's start.
        end_loss: L at its end.
        duration: T > 0, in units of the rule's time.

    Returns:
        g·ỹ with ỹ = −∇L̃.

    Raises:
        InputValueError: A loss is not finite, or the duration not positive.

    Sign: positive when the loss fell over the window.

    Source: windows: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422; L̃ derived here.

    Deviations: none.

    Example:
        >>> windowed_drop(3.0, 1.0, duration=4.0)
        0.5
    """
    if not (math.isfinite(start_loss) and math.isfinite(end_loss) and 0 < duration < math.inf):
        given = f"start_loss={start_loss}, end_loss={end_loss}, duration={duration}"
        raise InputValueError(given, "finite losses and a positive duration", "look at the losses of the window")
    return (start_loss - end_loss) / duration


def overshoot(step: Tensor, next_descent: Tensor) -> bool:
    r"""Whether a step went past the point where the loss stops falling along it.

    $$\Delta_t\cdot y_{t+1}<0$$

    The next step's gradient comes from another batch: unbiased for the slope at the step's end, and free.

    Args:
        step: Δ_t, any shape and float dtype.
        next_descent: y_{t+1}, the same shape.

    Returns:
        True if the loss rises along the step where it ended.

    Raises:
        InputTypeError: The shapes differ.
        InputValueError: An entry is not finite.

    Sign: True for a slope against the step.

    Source: derived here.

    Deviations: none.

    Example:
        >>> import torch
        >>> overshoot(torch.tensor([1.0, 0.0]), torch.tensor([-0.5, 2.0]))
        True
    """
    check_pair(step, next_descent)
    (g, _), (y, _) = scaled(step), scaled(next_descent)
    return float((g * y).sum()) < 0


def unbiased_descent_sq(total_descent_sq: float, rank_descent_sq: Tensor) -> float:
    r"""Squared length of the true gradient, without the noise, from norms of each process' own gradient.

    $$|y|^2_{unb}=\frac{R^2|\bar y|^2-\sum_r|y_r|^2}{R(R-1)}$$

    the mean of y_q·y_r over pairs of different processes.

    Args:
        total_descent_sq: |ȳ|² of the mean over all R processes.
        rank_descent_sq: (R,) |y_r|² before the reduction, from batches of one size.

    Returns:
        The estimate; below zero where the noise is larger than the gradient.

    Raises:
        InputTypeError: The norms are not (R,).
        InputValueError: There are fewer than two, a number is not finite or a square negative.

    Sign: a squared length; positive in the mean.

    Source: derived here; the same as in the gradient noise scale (McCandlish et al. 2018, arXiv 1812.06162).

    Deviations: none.

    Example:
        >>> import torch
        >>> unbiased_descent_sq(2.5, torch.tensor([1.0, 5.0]))  # of (1, 0) and (2, 1), whose product is 2
        2.0
    """
    count = len(rank_descent_sq) if rank_descent_sq.ndim == 1 else 0
    if rank_descent_sq.ndim != 1:
        raise InputTypeError(f"norms of shape {tuple(rank_descent_sq.shape)}", "(R,)", "one number per process")
    total = float(rank_descent_sq.double().sum())
    finite = math.isfinite(total) and math.isfinite(total_descent_sq)
    if count < 2 or not finite or total_descent_sq < 0 or bool((rank_descent_sq < 0).any()):
        given = f"total {total_descent_sq}, ranks {rank_descent_sq.tolist()}"
        raise InputValueError(given, "at least two squares, finite", "one process alone cannot tell noise")
    return (count * count * total_descent_sq - total) / (count * (count - 1))


def two_batch_descent_sq(first: Tensor, second: Tensor) -> float:
    r"""Squared length of the true gradient, without the noise, from two independent batches.

    $$\mathbb E[y_1\cdot y_2]=|\mathbb E\,y|^2$$

    Args:
        first: y of one batch, any shape and float dtype.
        second: y of another, the same shape.

    Returns:
        y₁·y₂; below zero where the noise is larger than the gradient.

    Raises:
        InputTypeError: The shapes differ.
        InputValueError: An entry is not finite.

    Sign: a squared length; positive in the mean.

    Source: derived here.

    Deviations: none.

    Example:
        >>> import torch
        >>> two_batch_descent_sq(torch.tensor([1.0, 2.0]), torch.tensor([1.0, -1.0]))
        -1.0
    """
    return Certificate.of(first, second).dot


def ito_rate(step: Tensor, descent: Tensor, noise: Tensor, hessian_product: Callable[[Tensor], Tensor]) -> float:
    r"""Rate of the expected loss under a noisy continuous rule.

    $$d\theta=g\,dt+\sigma\,dW,\qquad
    \frac d{dt}\mathbb EL=-g\cdot y+\tfrac12\mathrm{tr}(\sigma\sigma^\top\nabla^2L)$$

    For a convex loss improvement implies alignment; otherwise it does not.

    Args:
        step: (D,) g, the drift.
        descent: (D,) y.
        noise: (D, K) σ.
        hessian_product: Takes (D,) v to ∇²L v.

    Returns:
        The rate, in loss per unit of the rule's time.

    Raises:
        InputTypeError: Shapes do not fit.
        InputValueError: An entry is not finite.

    Sign: negative when the expected loss falls.

    Source: Itô's formula; stochastic rules: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422.

    Deviations: none.

    Example:
        >>> import torch
        >>> ito_rate(torch.tensor([1.0, 0.0]), torch.tensor([3.0, 1.0]), torch.eye(2), lambda v: 2 * v)
        -1.0
    """
    drift = Certificate.of(step, descent).dot
    if step.ndim != 1 or noise.ndim != 2 or len(noise) != len(step):
        given = f"step {tuple(step.shape)}, noise {tuple(noise.shape)}"
        raise InputTypeError(given, "(D,) and (D, K)", "one column a source of noise")
    curved = sum(Certificate.of(column, hessian_product(column)).dot for column in noise.double().T)
    return curved / 2 - drift
