r"""Matrix-free symmetric matrices that turn the negative gradient into the step.

All SPD P with P y = g are gg^T/(g·y) + N A N^T, with N a basis of the vectors across y and A any SPD
matrix. The members here act on the plane of g and y and are a multiple of the identity elsewhere, so one
or two vectors hold them. In that plane P y = g leaves one number free; we use the determinant.

Symbols: y = −∇L (`descent`), g = applied step (`step`), both (D,); k = cos ψ, s = sin ψ of their angle,
ρ = |g|/|y|, c = ρ/k, λ± = c(1 ± s) the extreme eigenvalues at least κ. `preconditioner`: g = P y;
`metric`: its inverse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError, did_you_mean
from antigrad.geometry.angle import check_pair
from antigrad.geometry.blocks import least_high, within
from antigrad.geometry.lengths import scaled
from antigrad.geometry.operators import Operator

MEMBERS = ("upper", "lower", "arithmetic", "geometric", "bfgs", "dfp", "psb")
"""Names of the preconditioners."""

_ROUNDING = 8 * torch.finfo(torch.float64).eps


def preconditioner(step: Tensor, descent: Tensor, member: str = "upper") -> Operator:
    r"""Build an SPD P with P y = g.

    | member | P | closest to the identity in |
    | --- | --- | --- |
    | `upper` | $\lambda_+I-(\lambda_+-\lambda_-)\hat q\hat q^\top,\ q\propto\lambda_+y-g$ | κ; one vector |
    | `lower` | $\lambda_-I+(\lambda_+-\lambda_-)\hat p\hat p^\top,\ p\propto g-\lambda_-y$ | κ; one vector |
    | `arithmetic` | $cI+\frac{gg^\top}{g\cdot y}-c\frac{yy^\top}{\lvert y\rvert^2}$ | κ; relative 2-norm (sin ψ) |
    | `geometric` | $\rho\,e^{\tau R},\ \tau=\tfrac12\ln\kappa$ | κ; affine-invariant distance (√2 artanh sin ψ) |
    | `bfgs` | $\frac{gg^\top}{g\cdot y}+I-\frac{yy^\top}{\lvert y\rvert^2}$ | tr P − log det P |
    | `dfp` | $VV^\top+\frac{gg^\top}{g\cdot y},\ V=I-\frac{gy^\top}{g\cdot y}$ | tr P⁻¹ + log det P |
    | `psb` | `psb(step, descent, scale)` at scale ρ(1+s²)/k | κ; relative Frobenius (√(2s²/(1+s²))) |

    All but `bfgs` and `dfp` have the least condition number (1+s)/(1−s) there is, and are scale-free.

    Args:
        step: (D,) g, any float dtype.
        descent: (D,) y.
        member: Which.

    Returns:
        P. The least-κ members agree in the plane of g and y, where they are unique.

    Raises:
        InputTypeError: The shapes differ or are not (D,).
        InputValueError: An entry is not finite, g·y ≤ 0 (no SPD matrix exists), or the member is unknown.

    Sign: P is positive definite: g·y = y·P y > 0.

    Source: canonical form: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422, as summarised by others:
        M = yy^T/(g·y) + Σuu^T with u across g. With orthonormal u it is the inverse of `dfp`; the same form
        on the side of P, gg^T/(g·y) + Σuu^T with u across y, is `bfgs`. Names after the quasi-Newton
        updates of the identity (Nocedal, Wright, Numerical Optimization, ch. 6). The rest is derived here.

    Deviations: none.

    Example:
        >>> g, y = torch.tensor([4.0, 3.0, 0.0]), torch.tensor([3.0, 4.0, 0.0])
        >>> preconditioner(g, y).as_matrix().diag().tolist()
        [1.333..., 0.75..., 1.333...]
    """
    if member not in MEMBERS:
        raise InputValueError(f"member {member!r}", f"one of {', '.join(MEMBERS)}", did_you_mean(member, MEMBERS))
    plane = _Plane.of(step, descent)
    k, s, rho = plane.cos, plane.sin, plane.rho
    base, determinant = {
        "upper": (rho * (1 + s) / k, rho),
        "lower": (rho * k / (1 + s), rho),
        "arithmetic": (rho / k, rho),
        "geometric": (rho, rho),
        "bfgs": (1.0, k),
        "dfp": (1.0, 1 / k),
        "psb": (rho * (1 + s * s) / k, rho),
    }[member]
    return plane.operator(base, determinant)


def metric(step: Tensor, descent: Tensor, member: str = "upper") -> Operator:
    r"""Build an SPD G with G g = y: the inverse of the preconditioner.

    $$G=P^{-1},\qquad Gg=y$$

    Args:
        step: (D,) g, any float dtype.
        descent: (D,) y.
        member: Of which preconditioner, see there.

    Returns:
        G.

    Raises:
        InputTypeError: The shapes differ or are not (D,).
        InputValueError: An entry is not finite, g·y ≤ 0 (no SPD matrix exists), or the member is unknown.

    Sign: G is positive definite.

    Source: by its figure and formula this is the M of Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422
        (`dfp`: its canonical form with orthonormal u); see `preconditioner`.

    Deviations: none.

    Example:
        >>> metric(torch.tensor([4.0, 3.0]), torch.tensor([3.0, 4.0]))(torch.tensor([4.0, 3.0])).tolist()
        [3.0, 4.0]
    """
    return preconditioner(step, descent, member).inverse()


def canonical(step: Tensor, descent: Tensor, alpha: float) -> Operator:
    r"""One-parameter family of preconditioners.

    $$P_\alpha=\frac{gg^\top}{g\cdot y}+\alpha\Big(I-\frac{yy^\top}{|y|^2}\Big)$$

    κ is least at α = c = |g|²/(g·y), the arithmetic member.

    Args:
        step: (D,) g, any float dtype.
        descent: (D,) y.
        alpha: α > 0.

    Returns:
        P_α.

    Raises:
        InputTypeError: The shapes differ or are not (D,).
        InputValueError: An entry is not finite, g·y ≤ 0 (no SPD matrix exists), or α is not positive.

    Sign: P_α is positive definite.

    Source: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422 (as summarised by others); determinant in
        the plane, ραk, derived here.

    Deviations: none.

    Example:
        >>> canonical(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.0]), alpha=3.0).as_matrix().diag().tolist()
        [2.0, 3.0]
    """
    if not 0 < alpha < math.inf:
        raise InputValueError(f"alpha={alpha}", "a positive number", "the matrix would not be positive definite")
    plane = _Plane.of(step, descent)
    return plane.operator(alpha, alpha * plane.cos)


def canonical_kappa(k: float, a: float, alpha: float) -> float:
    r"""Condition number of `canonical`.

    $$\kappa(P_\alpha)=\frac{1+\sqrt{1-r}}{1-\sqrt{1-r}},\qquad r=\frac{4a\alpha k^2}{(a+\alpha)^2}$$

    Args:
        k: cos ψ, above 0 and up to 1.
        a: |g|²/(g·y) > 0.
        alpha: α > 0.

    Returns:
        κ.

    Raises:
        InputValueError: A number is out of range.

    Sign: least at α = a, whichever side α comes from.

    Source: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422 (as summarised by others).

    Deviations: computed as (1+√(1−r))²/r, which does not cancel.

    Example:
        >>> round(canonical_kappa(0.96, 25 / 24, 25 / 24), 9) == round(16 / 9, 9)
        True
    """
    if not (0 < k <= 1 and 0 < a < math.inf and 0 < alpha < math.inf):
        raise InputValueError(f"k={k}, a={a}, alpha={alpha}", "0 < k ≤ 1, a > 0, alpha > 0", "no SPD matrix otherwise")
    r = 4 * (a / (a + alpha)) * (alpha / (a + alpha)) * k * k
    rest = ((a - alpha) / (a + alpha)) ** 2 + 4 * (a / (a + alpha)) * (alpha / (a + alpha)) * (1 - k) * (1 + k)
    return (1 + math.sqrt(rest)) ** 2 / r


def psb(step: Tensor, descent: Tensor, scale: float) -> Operator:
    r"""The symmetric P with P y = g nearest to a multiple of the identity in Frobenius norm.

    $$P=bI+\frac{ry^\top+yr^\top}{|y|^2}-\frac{(r\cdot y)\,yy^\top}{|y|^4},\qquad r=g-by$$

    Args:
        step: (D,) g, any float dtype.
        descent: (D,) y.
        scale: b > 0, which multiple.

    Returns:
        P. It need not be positive definite (its tag says): at b = 1 it is not if and only if
        (g·y)|y|² ≤ |g|²|y|² − (g·y)². At b = ρ(1+s²)/k it always is: the member `psb`.

    Raises:
        InputTypeError: The shapes differ or are not (D,).
        InputValueError: An entry is not finite, g·y ≤ 0, or the scale is not positive.

    Sign: only where `positive_definite` is P a preconditioner.

    Source: the Powell-symmetric-Broyden update (Powell 1970) of bI; determinant in the plane,
        ρkb − ρ²s², derived here.

    Deviations: none.

    Example:
        >>> psb(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0]), scale=1.0).positive_definite
        False
    """
    if not 0 < scale < math.inf:
        raise InputValueError(f"scale={scale}", "a positive number", "the matrix would not be positive definite")
    plane = _Plane.of(step, descent)
    return plane.operator(scale, plane.cos * scale - plane.rho * plane.sin**2)


def householder(step: Tensor, descent: Tensor, low: float, high: float) -> Operator:
    r"""Build an SPD P with P y = g and eigenvalues in a given range.

    $$P=\tfrac{m+M'}2I+\tfrac{M'-m}2(I-2\hat w\hat w^\top),\qquad w=M'y-g$$

    where M' ≤ M is the least upper end that goes with m: g then lies on the sphere whose diameter
    runs from my to M'y, and a reflection does.

    Args:
        step: (D,) g, any float dtype.
        descent: (D,) y.
        low: m > 0.
        high: M ≥ m.

    Returns:
        P with eigenvalues m and M'.

    Raises:
        InputTypeError: The shapes differ or are not (D,).
        InputValueError: An entry is not finite, g·y ≤ 0, the range is empty, or no P has it.

    Sign: P is positive definite.

    Source: derived here; the reflection is Householder's.

    Deviations: none.

    Example:
        >>> P = householder(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]), low=0.5, high=4.0)
        >>> P(torch.tensor([1.0, 0.0])).tolist(), [round(value, 9) for value in P.eigenvalues]
        ([1.0, 1.0], [3.0, 0.5])
    """
    plane = _Plane.of(step, descent)
    # In units of ρ, so that no square leaves the range of numbers.
    one, cos = torch.tensor([1.0, plane.cos], dtype=torch.float64)
    if not bool(within(one, one, cos, low / plane.rho, high / plane.rho)):
        given = f"low={low}, high={high}"
        raise InputValueError(given, "g in the ball from low·y to high·y", "widen the range; `least_high` says how far")
    if plane.sin == 0:
        return Operator(plane.rho, plane.vectors[:0], plane.vectors.new_zeros(0))
    top = least_high(1.0, math.atan2(plane.sin, plane.cos), low / plane.rho)
    w = plane.vectors.new_tensor([[top - plane.cos, -plane.sin]])
    return Operator(top * plane.rho, (w / w.norm()) @ plane.vectors, plane.vectors.new_tensor([low]))


@dataclass(frozen=True)
class _Plane:
    """The plane of g and y, in float64.

    Args:
        rho: |g|/|y|.
        cos: k > 0.
        sin: s, 0 where g and y are parallel.
        vectors: (2, D) unit vector along y and unit vector of the part of g across it; (1, D) where
            there is no such part.
    """

    rho: float
    cos: float
    sin: float
    vectors: Tensor

    @classmethod
    def of(cls, step: Tensor, descent: Tensor) -> _Plane:
        """Find the plane of two vectors.

        Args:
            step: (D,) g.
            descent: (D,) y.

        Returns:
            The plane.

        Raises:
            InputTypeError: The shapes differ or are not (D,).
            InputValueError: An entry is not finite, or g·y ≤ 0.
        """
        check_pair(step, descent)
        if step.ndim != 1:
            raise InputTypeError(f"vectors of shape {tuple(step.shape)}", "(D,)", "flatten them")
        (g, power), (y, other) = scaled(step), scaled(descent)
        lengths = float(g.norm()), float(y.norm())
        unit, turned = y / lengths[1], g / lengths[0]
        cos = float(unit @ turned)
        if not cos > 0:  # NaN, where a length is zero, included.
            raise InputValueError(f"cos ψ = {cos:.6g}", "g·y > 0", "no SPD matrix turns y into this g; `repair` it")
        across = turned - cos * unit
        across -= (across @ unit) * unit  # Once more: what rounding left along y is much where g is nearly along y.
        sin, rho = float(across.norm()), _ratio(lengths, power - other)
        if sin <= _ROUNDING:
            return cls(rho, 1.0, 0.0, unit[None])
        return cls(rho, cos, sin, torch.stack([unit, across / sin]))

    def operator(self, base: float, determinant: float) -> Operator:
        r"""The symmetric P with P y = g that is a multiple of the identity across the plane.

        In the basis of the plane $P=\begin{pmatrix}\rho k&\rho s\\\rho s&\cdot\end{pmatrix}$.

        Args:
            base: The multiple.
            determinant: Determinant in the plane over ρ.

        Returns:
            P, with a vector for each direction whose eigenvalue is not the base.
        """
        if len(self.vectors) == 1:
            values, turn = [self.rho], self.vectors.new_ones(1, 1)
        else:
            along, off = self.rho * self.cos, self.rho * self.sin
            other = (determinant + off * self.sin) / self.cos
            high = (along + other) / 2 + math.hypot((along - other) / 2, off)
            angle = math.atan2(2 * off, along - other) / 2
            values = [high, determinant * (self.rho / high)]
            turn = self.vectors.new_tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        kept = [place for place, value in enumerate(values) if abs(value - base) > _ROUNDING * abs(base)]
        own = [values[place] for place in kept]
        positive = min(own) > 0 if len(own) == self.vectors.shape[1] else min([base, *own]) > 0
        return Operator(base, turn[kept] @ self.vectors, self.vectors.new_tensor(own), positive)


def _ratio(lengths: tuple[float, float], exponent: int) -> float:
    """|g|/|y| of vectors that were divided by powers of two.

    Args:
        lengths: Of the two.
        exponent: Difference of the exponents.

    Returns:
        The ratio.

    Raises:
        InputValueError: It is outside float64.
    """
    try:
        found = math.ldexp(lengths[0] / lengths[1], exponent)
    except OverflowError:
        found = math.inf
    if not 0 < found < math.inf:
        raise InputValueError("|g|/|y| outside float64", "vectors of nearer lengths", "scale one of them")
    return found
