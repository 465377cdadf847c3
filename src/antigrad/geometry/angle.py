r"""What three scalars say of a step: is it a natural-gradient step, how far is it turned and stretched.

Symbols: y = −∇L negative gradient (`descent`), g = applied step (`step`), ψ the angle between them,
k = cos ψ, s = sin ψ, ρ = |g|/|y|, P a symmetric positive definite (SPD) matrix with g = P y
(`preconditioner`), c = |g|²/(g·y) its scale.

Two warnings. That some SPD P with P y = g exists is nearly a tautology: it does if and only if g·y > 0,
so *any* step that goes down the slope "is" a natural-gradient step. And the least condition number κ of
one block is a function of the angle alone: it is the cosine again, in another unit. What tells more is
κ of many blocks together (`blocks`), the effect on the parts of a loss (`effects`), and a gradient
that did not make the step (`finite`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.core.html import figures_table
from antigrad.geometry.dots import in_pieces
from antigrad.geometry.evidence import THRESHOLD
from antigrad.geometry.lengths import check_square, scaled, times_power_of_two

Verdict = Literal["yes", "no", "unresolved"]


@dataclass(frozen=True)
class Certificate:
    r"""Certificate of one block, from three scalars.

    $$\exists\,P\succ0:\ Py=g\iff g\cdot y>0,\qquad
    \kappa_{min}=\frac{1+\sin\psi}{1-\sin\psi}=\Big(\frac{1+s}k\Big)^2,\qquad c=\frac{|g|^2}{g\cdot y}$$

    Args:
        step_sq: |g|², squared length of the applied step.
        descent_sq: |y|², squared length of the negative gradient.
        dot: g·y, the first-order drop of the loss. What rounding leaves of |g·y| above |g||y| is cut off.

    Raises:
        InputValueError: A scalar is not finite, or a square is negative.

    Sign: `dot` and `cos` are positive when the step goes down the loss.

    Source: existence, scale and κ as a function of ψ: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422;
        lower bound on κ: Wielandt's inequality, in Kantorovich's form cos²ψ ≥ 4κ/(1+κ)².

    Deviations: κ by its second form, which does not cancel near 90°; derived here.

    Example:
        >>> certificate = Certificate(25.0, 25.0, 24.0)
        >>> certificate.effective, certificate.cos, round(certificate.kappa, 6)
        (True, 0.96, 1.777778)
    """

    step_sq: float
    descent_sq: float
    dot: float

    def __post_init__(self) -> None:
        """Refuse what no step and gradient could have.

        Raises:
            InputValueError: A scalar is not finite, or a square is negative.
        """
        given = f"step_sq={self.step_sq}, descent_sq={self.descent_sq}, dot={self.dot}"
        if not (math.isfinite(self.step_sq) and math.isfinite(self.descent_sq) and math.isfinite(self.dot)):
            raise InputValueError(given, "finite numbers", "leave out steps that overflowed")
        if self.step_sq < 0 or self.descent_sq < 0:
            raise InputValueError(given, "squared lengths of at least 0", "pass |g|², |y|², g·y in this order")

    def _repr_html_(self) -> str:
        way = "down the loss" if self.effective else "not down the loss"
        figures = {"cos ψ": self.cos, "ψ": f"{math.degrees(self.psi):.1f}°", "κ, at least": self.kappa, "g·y": self.dot}
        return figures_table(f"Certificate: {way}", figures)

    @classmethod
    def of(cls, step: Tensor, descent: Tensor) -> Certificate:
        """Take the scalars of two vectors in float64.

        Args:
            step: g, any shape and float dtype.
            descent: y, the same shape.

        Returns:
            Their certificate.

        Raises:
            InputTypeError: The shapes differ.
            InputValueError: An entry is not finite, or the square of a length is outside float64.

        Sign: `descent` is the negative gradient.

        Source: derived here.

        Deviations: none.

        Example:
            >>> Certificate.of(torch.tensor([4.0, 3.0]), torch.tensor([3.0, 4.0])).dot
            24.0
        """
        check_pair(step, descent)
        sums = torch.zeros(3, dtype=torch.float64, device=step.device)
        for piece, slope in in_pieces(step, descent):
            g, y = piece.double(), slope.double()
            sums += torch.stack([g @ g, y @ y, g @ y])
        step_sq, descent_sq, dot = sums.tolist()
        for name, square, vector in (("step", step_sq, step), ("descent", descent_sq, descent)):
            check_square(name, square, vector)
        return cls(step_sq, descent_sq, dot)

    def without_decay(
        self, theta_dot_descent: float, theta_dot_step: float, theta_sq: float, decay: float
    ) -> Certificate:
        r"""Take the decoupled weight decay −wθ out of the step.

        $$|g+w\theta|^2=|g|^2+2w\,\theta\cdot g+w^2|\theta|^2,\qquad(g+w\theta)\cdot y=g\cdot y+w\,\theta\cdot y$$

        Args:
            theta_dot_descent: θ·y, with θ the weights before the step.
            theta_dot_step: θ·g.
            theta_sq: |θ|².
            decay: w, learning rate times weight decay.

        Returns:
            Certificate of the rest of the step.

        Raises:
            InputValueError: A scalar is not finite.

        Sign: w > 0 for weights that are pulled to zero.

        Source: derived here.

        Deviations: none.

        Example:
            >>> rest = Certificate(1.0, 1.0, 0.5).without_decay(2.0, -0.1, 4.0, 0.01)
            >>> round(rest.step_sq, 6), round(rest.dot, 6)
            (0.9984, 0.52)
        """
        step_sq = self.step_sq + 2 * decay * theta_dot_step + decay * decay * theta_sq
        # A step of nothing but decay leaves zero up to rounding. NaN passes on, to be refused.
        return Certificate(0.0 if step_sq < 0 else step_sq, self.descent_sq, self.dot + decay * theta_dot_descent)

    @property
    def effective(self) -> bool:
        """Whether g·y > 0: an SPD P with P y = g exists. False where g or y is zero."""
        return self.cos > 0

    @property
    def cos(self) -> float:
        """Cosine of the angle, in [−1, 1]; NaN where g or y is zero."""
        if not (self.step_sq > 0 and self.descent_sq > 0):
            return math.nan
        return min(1.0, max(-1.0, self.dot / (math.sqrt(self.step_sq) * math.sqrt(self.descent_sq))))

    @property
    def sin(self) -> float:
        """Sine of the angle, in [0, 1]; NaN where g or y is zero."""
        return math.sqrt((1 - self.cos) * (1 + self.cos))

    @property
    def psi(self) -> float:
        """Angle between g and y in radians, from 0 to π; NaN where g or y is zero."""
        return math.atan2(self.sin, self.cos)

    @property
    def kappa(self) -> float:
        """Least condition number of an SPD P with P y = g; infinite where there is none."""
        return _kappa(self.cos, self.sin) if self.effective else math.inf

    @property
    def scale(self) -> float:
        """Scale c = |g|²/(g·y) of P, in units of step per gradient; NaN where there is none."""
        return self.rho / self.cos if self.effective else math.nan

    @property
    def rho(self) -> float:
        """Relative length |g|/|y|; NaN where g or y is zero."""
        return math.nan if math.isnan(self.cos) else math.sqrt(self.step_sq) / math.sqrt(self.descent_sq)

    @property
    def eigenvalues(self) -> tuple[float, float]:
        """Least and greatest eigenvalue c(1 ∓ s) of P of least κ; the least as ck²/(1+s), which does not cancel."""
        return self.scale * self.cos * self.cos / (1 + self.sin), self.scale * (1 + self.sin)


def kappa_of_angle(psi: float) -> float:
    r"""Least condition number of an SPD matrix that turns a vector by an angle.

    $$\kappa_{min}=\Big(\frac{1+\sin\psi}{\cos\psi}\Big)^2$$

    Args:
        psi: Angle in radians, from 0 to π.

    Returns:
        κ, 1 at 0, infinite from π/2 on.

    Raises:
        InputValueError: The angle is outside [0, π].

    Sign: grows with the angle; no SPD matrix turns by 90° or more.

    Source: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422; the bound is Wielandt's.

    Deviations: none.

    Example:
        >>> round(kappa_of_angle(math.pi / 6), 12)
        3.0
    """
    if not 0 <= psi <= math.pi:
        raise InputValueError(f"psi={psi}", "radians from 0 to π", "angles between vectors have no sign")
    return _kappa(math.cos(psi), math.sin(psi)) if psi < math.pi / 2 else math.inf


def sign_flip_z(dot: float, product_sq: float) -> float:
    r"""How far g·y is from what random signs of its terms would give.

    $$z=\frac{g\cdot y}{\sqrt{\sum_ig_i^2y_i^2}}$$

    Under independent random signs z has mean 0 and variance 1, and is close to normal for many terms,
    heavy tails included. The signs of gradients of batches are not independent: they have low rank, and the true
    spread of z is larger, ten times near a stationary point. A |z| below 3 is noise; one above it says nothing.
    `evidence.evidence` measures the spread.

    Args:
        dot: g·y.
        product_sq: Σ g_i² y_i².

    Returns:
        z; 0 where all products are zero: no evidence either way.

    Raises:
        InputValueError: A scalar is not finite, or the sum of squares is negative.

    Sign: positive when the step goes down the loss.

    Source: derived here.

    Deviations: none.

    Example:
        >>> round(sign_flip_z(6.0, 14.0), 6)
        1.603567
    """
    if not (math.isfinite(dot) and math.isfinite(product_sq)) or product_sq < 0:
        given = f"dot={dot}, product_sq={product_sq}"
        raise InputValueError(given, "a finite number and a finite sum of squares", "leave out steps that overflowed")
    return dot / math.sqrt(product_sq) if product_sq > 0 else 0.0


def verdict(cos: float, t: float | None, t_step: float | None = None, *, cos_floor: float = 1e-6) -> Verdict:
    """Say whether steps go down the loss, unless chance or rounding could have decided.

    Args:
        cos: Cosine of the step and the negative gradient.
        t: How far their product is from zero in units of its spread, on the scale of a normal variable
            (`evidence.evidence`). Infinite where there is no chance about it: on the very data that is asked
            about. None where its spread is not known.
        t_step: The same of the whole step, where `t` is of its end alone; None: `t` says both.
        cos_floor: |cos ψ| below which it is unresolved: dots are taken in float32.

    Returns:
        `yes` for t above 3; `no` for a t of the whole step below −3, and where g or y is zero (there is nothing to
        certify); `unresolved` otherwise.

    Sign: `yes` for g·y > 0.

    Source: derived here.

    Deviations: none.

    Example:
        >>> verdict(0.5, t=12.0), verdict(0.5, t=2.0), verdict(0.5, None), verdict(-0.1, t=-9.0, t_step=1.0)
        ('yes', 'unresolved', 'unresolved', 'unresolved')
    """
    if math.isnan(cos):
        return "no"
    if abs(cos) < cos_floor or t is None:
        return "unresolved"
    if t > THRESHOLD:
        return "yes"
    return "no" if (t if t_step is None else t_step) < -THRESHOLD else "unresolved"


def repair(step: Tensor, descent: Tensor, max_angle: float = math.pi / 2) -> Tensor:
    r"""Find the vector nearest to a step whose angle to the negative gradient is at most a given one.

    $$\max(0,|g|\cos(\psi-\psi_{max}))\,(\cos\psi_{max}\,\hat y+\sin\psi_{max}\,\hat n)\quad\text{if }\psi>\psi_{max}$$

    with $\hat n$ the unit vector of the part of g across y.

    Args:
        step: g, any shape and float dtype.
        descent: y, the same shape.
        max_angle: ψ_max in radians, from 0 to π/2. π/2 removes the component against y and nothing else.

    Returns:
        The step itself if its angle is small enough, else a new tensor like it; zero if it pointed straight
        against y.

    Raises:
        InputTypeError: The shapes differ.
        InputValueError: An entry is not finite, y is zero, or the angle is out of range.

    Sign: the result never goes up the loss, up to rounding.

    Source: derived here; at 90° it is the projection of A-GEM (Chaudhry et al. 2019, arXiv 1812.00420) and
        PCGrad (Yu et al. 2020, arXiv 2001.06782).

    Deviations: none.

    Example:
        >>> repair(torch.tensor([-1.0, 1.0]), torch.tensor([1.0, 0.0])).tolist()
        [0.0, 1.0]
    """
    check_pair(step, descent)
    if not 0 <= max_angle <= math.pi / 2:
        raise InputValueError(f"max_angle={max_angle}", "radians from 0 to π/2", "beyond 90° a step goes up the loss")
    (g, power), (y, _) = scaled(step), scaled(descent)
    size = float(y.norm())
    if size == 0:
        raise InputValueError("a descent of zeros", "a gradient", "there is no angle to a zero vector")
    unit = y / size
    along = float((g * unit).sum())
    rest = g - along * unit
    across = float(rest.norm())
    psi = math.atan2(across, along)
    if psi <= max_angle:
        return step
    # Python's cos(π/2) is 6e-17; a projection should leave exactly nothing along y.
    cos, sin = (0.0, 1.0) if max_angle == math.pi / 2 else (math.cos(max_angle), math.sin(max_angle))
    length = max(0.0, along * cos + across * sin)
    turned = cos * unit + (sin * rest / across if across > 0 else 0 * unit)
    return times_power_of_two(length * turned, power).to(step.dtype)


def check_pair(step: Tensor, descent: Tensor) -> None:
    """Refuse a step and a gradient that do not belong together.

    Args:
        step: g.
        descent: y.

    Raises:
        InputTypeError: The shapes differ.
        InputValueError: An entry is not finite.
    """
    if step.shape != descent.shape:
        given = f"step {tuple(step.shape)}, descent {tuple(descent.shape)}"
        raise InputTypeError(given, "one shape", "compare the same parameters")
    for name, tensor in (("step", step), ("descent", descent)):
        if not bool(torch.isfinite(tensor).all()):
            count = int((~torch.isfinite(tensor)).sum())
            raise InputValueError(f"{name} with {count} entries not finite", "finite entries", "leave this step out")


def _kappa(cos: float, sin: float) -> float:
    root = (1 + sin) / cos
    return root * root
