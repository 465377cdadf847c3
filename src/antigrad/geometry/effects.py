r"""What a step does to each part of a loss, and at which weight of the down part every part gains.

A certificate for the sum of the parts does not certify the parts: a step can go down the sum and up one
of them (likelihood displacement, damage to what should be retained).

Symbols: g = applied step, y_a negative gradient of part a, e_a = y_a·g its effect, P the preconditioner
(g = P y), K_ab = y_a·P y_b how parts act on each other; + the up part, − the down part (the loss that
pushes unwanted responses down; its gradient enters with weight λ).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.core.html import figures_table
from antigrad.geometry.angle import Certificate, check_pair

_SUMS = ("up_up", "up_down", "down_down")
WITHOUT_WANTED_PART = (
    "a safe weight for a down part, while no wanted part has had a gradient",
    "an `up` or `anchor` part with a gradient: without one the safe weight is 0, and nothing is pushed down",
    "add the loss of what is to be kept (a distance from the model as it is has no gradient at its start), "
    "or give the weight as a number",
)
"""What an error says where a safe weight cannot be had."""


def effects(step: Tensor, parts: Mapping[str, Tensor]) -> dict[str, float]:
    r"""First-order drop of each part's loss in one step of any optimizer.

    $$e_a=y_a\cdot g$$

    Args:
        step: g, any shape and float dtype.
        parts: Name and y_a, the negative gradient of the part, of the same shape.

    Returns:
        Name and effect, in units of the loss. If the y_a sum to y, the effects sum to g·y.

    Raises:
        InputTypeError: Shapes differ.
        InputValueError: An entry is not finite, or a product is outside float64.

    Sign: positive when the loss of the part falls.

    Source: derived here.

    Deviations: none.

    Example:
        >>> effects(torch.tensor([1.0, -1.0]), {"up": torch.tensor([1.0, 2.0]), "down": torch.tensor([1.0, -2.0])})
        {'up': -1.0, 'down': 3.0}
    """
    found: dict[str, float] = {}
    for name, part in parts.items():
        check_pair(step, part)
        found[name] = float((step.double() * part.double()).sum())
    return _in_range(found)


def interaction(parts: Mapping[str, Tensor], operator: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    r"""How the parts act on each other through one preconditioner.

    $$K_{ab}=y_a^\top Py_b$$

    the effect on part a of a step along part b alone.

    Args:
        parts: Name and y_a, the negative gradient of the part, all of one shape; n of them.
        operator: Takes a vector (D,) to P times it; None for P = I. An SPD P gives a symmetric K.

    Returns:
        (n, n) float64, in the order of the parts.

    Raises:
        InputTypeError: Shapes differ, or there is no part.
        InputValueError: An entry is not finite.

    Sign: K_ab < 0 when b's step harms a.

    Source: derived here.

    Deviations: none.

    Example:
        >>> parts = {"up": torch.tensor([1.0, 1.0]), "down": torch.tensor([-2.0, 1.0])}
        >>> interaction(parts, lambda v: 2 * v).tolist()
        [[4.0, -2.0], [-2.0, 10.0]]
    """
    vectors = list(parts.values())
    if not vectors:
        raise InputTypeError("no parts", "at least one", "pass the negative gradient of every part")
    for vector in vectors:
        check_pair(vectors[0], vector)
    flat = torch.stack([vector.double().flatten() for vector in vectors])
    pushed = flat if operator is None else torch.stack([operator(vector).double() for vector in flat])
    found = flat @ pushed.T
    _in_range({name: float(row.abs().max()) for name, row in zip(parts, found, strict=True)})
    return found


def least_kappa_interaction(gram: Tensor, with_descent: Tensor, effects: Tensor, certificate: Certificate) -> Tensor:
    r"""How the parts act on each other through the least-κ preconditioner of a step, from scalars alone.

    P is the member $\lambda_+I-(\lambda_+-\lambda_-)\hat q\hat q^\top$ with $q=\lambda_+y-g$, so that

    $$K_{ab}=\lambda_+\,y_a\cdot y_b-\frac{\lambda_-}{\sin\psi\,|g|^2}(q\cdot y_a)(q\cdot y_b),\qquad
    q\cdot y_a=\lambda_+\,y\cdot y_a-e_a$$

    Args:
        gram: (n, n) y_a·y_b.
        with_descent: (n,) y·y_a, with y the negative gradient the certificate is of.
        effects: (n,) e_a = y_a·g.
        certificate: Of g and y.

    Returns:
        (n, n) float64 K. If Σ w_b y_b = y then Σ_b w_b K_ab = e_a, as measured.

    Raises:
        InputTypeError: Shapes do not fit.
        InputValueError: A number or the result is not finite, or g·y ≤ 0: no SPD P exists.

    Sign: K_ab < 0 when b's step harms a.

    Source: derived here; the member is the symmetric rank-one (SR1) update of λ₊I, see `metric`.

    Deviations: the P of an optimizer is not known from one step; this is the one nearest to a multiple
        of the identity in condition number.

    Example:
        >>> one = Certificate(4.0, 1.0, 2.0)  # g = 2 y: P = 2 I
        >>> least_kappa_interaction(torch.eye(2), torch.tensor([1.0, 0.0]), torch.tensor([2.0, 0.0]), one).tolist()
        [[2.0, 0.0], [0.0, 2.0]]
    """
    count = len(effects) if effects.ndim == 1 else -1
    if gram.shape != (count, count) or with_descent.shape != (count,):
        shapes = f"gram {tuple(gram.shape)}, with_descent {tuple(with_descent.shape)}, effects {tuple(effects.shape)}"
        raise InputTypeError(shapes, "(n, n), (n,), (n,)", "one entry per part")
    inner, slopes, drops = gram.double(), with_descent.double(), effects.double()
    if not all(bool(torch.isfinite(value).all()) for value in (inner, slopes, drops)):
        raise InputValueError("dots that are not finite", "finite numbers", "leave out steps that overflowed")
    if not certificate.effective:
        raise InputValueError(f"g·y = {certificate.dot}", "g·y > 0", "no SPD matrix exists; use P = I instead")
    low, high = certificate.eigenvalues
    if certificate.sin == 0:
        return high * inner
    along = high * slopes - drops
    # |q|² = 2 s² (1+s) |g|² / k², whose difference of squares would cancel for small angles.
    along = along / math.sqrt(certificate.step_sq)
    found = high * inner - low / certificate.sin * torch.outer(along, along)
    if not bool(torch.isfinite(found).all()):
        raise InputValueError("interactions outside float64", "lengths nearer to each other", "scale step or gradients")
    return found


@dataclass(frozen=True)
class Window:
    r"""Weights of the down part at which both parts gain.

    Args:
        low: Lower end, not in the window (but 0 is where it is the end: the step of the up part alone).
        high: Upper end, not in the window; infinite where nothing bounds it.
        balanced: $\sqrt{K_{++}/K_{--}}$, both parts equally long in the norm of P: the geometric mean of
            the ends. Infinite without a down part, NaN without any.
    """

    low: float
    high: float
    balanced: float

    def contains(self, weight: float) -> bool:
        """Whether both parts gain at a weight.

        Args:
            weight: λ.

        Returns:
            True inside the window.
        """
        return self.low < weight < self.high or self.low == weight == 0 < self.high

    def _repr_html_(self) -> str:
        return figures_table("Weights of the down part at which both parts gain", asdict(self))


def safe_window(up_up: float, up_down: float, down_down: float) -> Window:
    r"""Find the weights λ of the down part at which P(y₊ + λy₋) improves both parts.

    $$\frac{-K_{+-}}{K_{--}}<\lambda<\frac{K_{++}}{-K_{+-}}\quad\text{for }K_{+-}<0,\qquad
    \lambda\ge0\quad\text{otherwise}$$

    By Cauchy–Schwarz it is never empty for one SPD P unless y₋ points straight against y₊; upper over
    lower end is 1/cos² of their angle in the norm of P.

    Args:
        up_up: K₊₊ ≥ 0.
        up_down: K₊₋.
        down_down: K₋₋ ≥ 0.

    Returns:
        The window. Where K is not of one SPD P it may have low ≥ high: then no weight serves both.

    Raises:
        InputValueError: A number is not finite, or a square is negative.

    Sign: K₊₋ < 0 when the parts are in conflict.

    Source: derived here.

    Deviations: none.

    Example:
        >>> window = safe_window(2.0, -1.0, 3.0)
        >>> round(window.low, 4), window.high, round(window.balanced, 4)
        (0.3333, 2.0, 0.8165)
    """
    given = f"up_up={up_up}, up_down={up_down}, down_down={down_down}"
    if not all(map(math.isfinite, (up_up, up_down, down_down))):
        raise InputValueError(given, "finite numbers", "leave out steps that overflowed")
    if up_up < 0 or down_down < 0:
        raise InputValueError(given, "squares of at least 0", "pass K++, K+-, K-- in this order")
    balanced = math.sqrt(_ratio(up_up, down_down))
    if up_down >= 0:
        return Window(0.0, math.inf, balanced)
    return Window(_ratio(-up_down, down_down), up_up / -up_down, balanced)


class SafeWeight:
    r"""Running choice of the weight of the down part: the geometric mean of the safe window.

    $$\lambda=\sqrt{\bar K_{++}/\bar K_{--}},\qquad\bar K\leftarrow m\bar K+(1-m)K$$

    λ lies in the window of the averages whenever there is one (low·high = λ²); then it is cut to `bounds`,
    which may lead out of it.

    Args:
        bounds: Least and greatest weight.
        memory: m, from 0 (the last step alone) to below 1.

    Raises:
        InputValueError: An option is out of range.

    Sign: the weight falls when the down part's gradient grows.

    Source: derived here. (Sums of Gram matrices are Gram matrices: averages keep the window open, even
        if every step has its own P.)

    Deviations: none.

    Example:
        >>> weight = SafeWeight(memory=0.0)
        >>> weight.value, round(weight.update(2.0, -1.0, 8.0), 12)
        (1.0, 0.5)
    """

    def __init__(self, bounds: tuple[float, float] = (0.0, 1.0), memory: float = 0.9) -> None:
        low, high = bounds
        if not 0 <= low <= high < math.inf:
            raise InputValueError(f"bounds={bounds}", "0 ≤ low ≤ high", "the weight of the down part is not negative")
        if not 0 <= memory < 1:
            raise InputValueError(f"memory={memory}", "from 0 to below 1", "0.9 is the default")
        self.bounds, self.memory = bounds, memory
        self._sums: dict[str, float] = dict.fromkeys(_SUMS, 0.0)

    @property
    def window(self) -> Window:
        """Safe window of the running averages."""
        return safe_window(**self._sums)

    @property
    def value(self) -> float:
        """The weight to use now: 1, cut to the bounds, until there was a gradient."""
        balanced = self.window.balanced
        low, high = self.bounds
        return min(high, max(low, 1.0 if math.isnan(balanced) else balanced))

    def update(self, up_up: float, up_down: float, down_down: float) -> float:
        """Take in the interaction of one step.

        Args:
            up_up: K₊₊.
            up_down: K₊₋.
            down_down: K₋₋.

        Returns:
            The weight to use from now on.

        Raises:
            InputValueError: A number is not finite, or a square is negative; or there is something to push down and
                what is wanted has not had a gradient yet: the weight would be 0, and nothing would be pushed down,
                without a word. Nothing is taken in.
        """
        safe_window(up_up, up_down, down_down)
        if down_down > 0 and up_up == self._sums["up_up"] == 0:
            raise InputValueError(*WITHOUT_WANTED_PART)
        for name, new in zip(_SUMS, (up_up, up_down, down_down), strict=True):
            # Started at zero: the averages are too small by one factor, of which λ and the window are free.
            self._sums[name] = self.memory * self._sums[name] + (1 - self.memory) * new
        return self.value

    def state(self) -> dict[str, float]:
        """What a resumed run needs.

        Returns:
            Name and running average.
        """
        return dict(self._sums)

    def load(self, state: Mapping[str, float]) -> None:
        """Restore a state.

        Args:
            state: What `state` returned.

        Raises:
            InputTypeError: It is not such a state.
            InputValueError: A number is not finite, or a square is negative.
        """
        if set(state) != set(_SUMS):
            raise InputTypeError(f"a state with {sorted(state)}", f"{sorted(_SUMS)}", "pass what state() returned")
        safe_window(**state)
        self._sums = dict(state)


def _in_range(products: dict[str, float]) -> dict[str, float]:
    for name, value in products.items():
        if not math.isfinite(value):
            raise InputValueError(
                f"products of the part {name!r} outside float64", "vectors of entries up to about 1e150", "scale them"
            )
    return products


def _ratio(numerator: float, denominator: float) -> float:
    if denominator > 0:
        return numerator / denominator
    return math.inf if numerator > 0 else math.nan
