r"""Certificates with bounds, and of many blocks under one pair of bounds.

One block's least condition number is its cosine again. Many blocks (layers, heads, rows, weights) whose
matrices must share one range [m, M] of eigenvalues say more: the least M/m also counts how unevenly
the blocks are scaled, and is infinite once a single block goes up the loss.

Symbols: for each of L blocks |g|² (`step_sq`), |y|² (`descent_sq`), g·y (`dot`); ρ = |g|/|y|, ψ the
angle between them, κ = M/m.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError, did_you_mean
from antigrad.geometry.angle import check_pair
from antigrad.geometry.lengths import scaled, times_power_of_two

Ladder = dict[str, float]
"""Least κ by granularity, coarse to fine."""
RUNGS = ("global", "layer", "head", "row", "coordinate")
"""All granularities, coarse to fine."""

_ROUNDING = 1e-12
_LARGEST_LOG_KAPPA = 200.0
_RESOLUTION = 4 * torch.finfo(torch.float64).eps
_HALVINGS = 200


@dataclass(frozen=True)
class BlockBounds:
    """Tightest common range of eigenvalues of the blocks' matrices.

    Args:
        kappa: M/m; infinite where a block has no matrix, NaN where no block takes part.
        low: m; NaN where there is no range.
        high: M; NaN where there is no range.
    """

    kappa: float
    low: float
    high: float


def within(step_sq: Tensor, descent_sq: Tensor, dot: Tensor, low: float, high: float) -> Tensor:
    r"""Which blocks have an SPD P with P y = g and eigenvalues in a given range.

    $$mI\preceq P\preceq MI\iff(g-my)\cdot(My-g)\ge0\iff|g|^2-(m+M)\,g\cdot y+mM|y|^2\le0$$

    that is, g lies in the ball whose diameter runs from my to My.

    Args:
        step_sq: |g|², any shape.
        descent_sq: |y|², the same shape.
        dot: g·y, the same shape.
        low: m > 0.
        high: M ≥ m.

    Returns:
        True where there is one (also where g = y = 0), of the shape given. The edge of the ball counts,
        with 10⁻¹² of slack for rounding.

    Raises:
        InputTypeError: The shapes differ.
        InputValueError: A number is not finite, a square is negative, or the range is empty.

    Sign: never True for g·y < 0.

    Source: derived here.

    Deviations: none.

    Example:
        >>> one = torch.ones(2)
        >>> within(one, one, torch.tensor([0.9, 0.5]), low=0.5, high=2.0).tolist()
        [True, False]
    """
    g, y, d = _sums(step_sq, descent_sq, dot)
    if not 0 < low <= high < math.inf:
        raise InputValueError(f"low={low}, high={high}", "0 < low ≤ high", "an SPD matrix has positive eigenvalues")
    middle, product = (low + high) * d, low * high * y
    slack = _ROUNDING * torch.maximum(torch.maximum(g, middle.abs()), product)
    return g - middle + product <= slack


def least_high(rho: float, psi: float, low: float) -> float:
    r"""Least M for a given m: how far a matrix must stretch if it may shrink only so much.

    $$M=\rho\cos\psi+\frac{(\rho\sin\psi)^2}{\rho\cos\psi-m}$$

    Args:
        rho: |g|/|y| > 0.
        psi: Angle between g and y in radians, from 0 to below π/2.
        low: m, between 0 and ρ cos ψ, both left out.

    Returns:
        M.

    Raises:
        InputValueError: A number is out of range; with m ≥ ρ cos ψ no M is large enough.

    Sign: none; an SPD matrix turns by less than 90°.

    Source: derived here.

    Deviations: none.

    Example:
        >>> round(least_high(2.0, math.pi / 3, 0.5), 9)
        7.0
    """
    given = f"rho={rho}, psi={psi}, low={low}"
    if not (0 < rho < math.inf and 0 <= psi < math.pi / 2):
        raise InputValueError(given, "rho > 0 and 0 ≤ psi < π/2", "a step with g·y ≤ 0 has no SPD matrix")
    along, across = rho * math.cos(psi), rho * math.sin(psi)
    if not 0 < low < along:
        raise InputValueError(given, f"0 < low < rho cos psi = {along:.6g}", "lower the bound")
    return along + across * across / (along - low)


def block_bounds(step_sq: Tensor, descent_sq: Tensor, dot: Tensor, *, ignore_unmoved: bool = False) -> BlockBounds:
    r"""Find the least M/m over block-diagonal SPD P with P y = g and eigenvalues in [m, M].

    With $t=\tfrac12\ln\kappa$ and $\mu=\sqrt{mM}$ block l allows

    $$|\ln\mu-\ln\rho_l|\le\mathrm{arcosh}(\cos\psi_l\cosh t)$$

    The intervals grow with t; the least t at which all have a point in common is found by bisection.

    Args:
        step_sq: (L,) |g|² of each block.
        descent_sq: (L,) |y|².
        dot: (L,) g·y.
        ignore_unmoved: Leave out blocks with a gradient that did not move (frozen ones); otherwise one
            of them makes κ infinite, as does a block that moved without a gradient.

    Returns:
        κ and one range that attains it. Blocks with g = y = 0 take no part. κ above e²⁰⁰ counts as infinite.

    Raises:
        InputTypeError: The shapes differ or are not (L,).
        InputValueError: A number is not finite, or a square is negative.

    Sign: infinite once a block has g·y ≤ 0.

    Source: derived here.

    Deviations: none.

    Example:
        >>> bounds = block_bounds(torch.tensor([25.0, 100.0]), torch.tensor([25.0, 1.0]), torch.tensor([24.0, 10.0]))
        >>> round(bounds.kappa, 9) == round(452 / 43, 9)
        True
    """
    g, y, d = _sums(step_sq, descent_sq, dot)
    if g.ndim != 1:
        raise InputTypeError(f"sums of shape {tuple(g.shape)}", "(L,)", "one number a block")
    live = (g > 0) | ((y > 0) & (not ignore_unmoved))
    g, y, d = g[live], y[live], d[live]
    if not len(g):
        return BlockBounds(math.nan, math.nan, math.nan)
    cos = (d / (g.sqrt() * y.sqrt())).clamp(max=1)
    if not bool((cos > 0).all()):  # NaN, where a square is zero, included.
        return BlockBounds(math.inf, math.nan, math.nan)
    sin, log_rho = ((1 - cos) * (1 + cos)).sqrt(), (g.log() - y.log()) / 2

    blocks = cos.numpy(force=True), sin.numpy(force=True), log_rho.numpy(force=True)

    def ends(t: float) -> tuple[float, float]:
        # arcosh(cos cosh t) by its sinh: exact for cos = 1, and no cancellation near its zero.
        k, s, middle = blocks
        grown = k * math.sinh(t)
        reach = np.arcsinh(np.sqrt(np.maximum(grown - s, 0.0) * (grown + s)))
        return float((middle - reach).max()), float((middle + reach).min())

    def gap(t: float) -> float:
        start, end = ends(t)
        return start - end

    t = _least(gap, float((sin / cos).asinh().max()))
    if t is None:
        return BlockBounds(math.inf, math.nan, math.nan)
    middle = sum(ends(t)) / 2
    return BlockBounds(math.exp(2 * t), math.exp(middle - t), math.exp(middle + t))


def coordinate_bounds(step: Tensor, descent: Tensor) -> BlockBounds:
    r"""Find the least M/m over diagonal P > 0 with P y = g.

    $$\kappa=\max_i\frac{g_i}{y_i}\Big/\min_i\frac{g_i}{y_i}$$

    Args:
        step: g, any shape.
        descent: y, the same shape.

    Returns:
        κ, least and greatest ratio. Coordinates with g = y = 0 take no part.

    Raises:
        InputTypeError: The shapes differ.
        InputValueError: An entry is not finite.

    Sign: infinite once a coordinate goes against y, or only one of the two is zero.

    Source: derived here.

    Deviations: none.

    Example:
        >>> coordinate_bounds(torch.tensor([2.0, -1.0, 0.0]), torch.tensor([1.0, -2.0, 0.0]))
        BlockBounds(kappa=4.0, low=0.5, high=2.0)
    """
    check_pair(step, descent)
    (g, power), (y, other) = scaled(step), scaled(descent)
    found = _coordinate_bounds([(g, y)])
    low, high = times_power_of_two(torch.tensor([found.low, found.high], dtype=torch.float64), power - other).tolist()
    return BlockBounds(found.kappa, low, high)


def ladder(
    steps: Mapping[str, Tensor],
    descents: Mapping[str, Tensor],
    *,
    rungs: Sequence[str] = ("global", "layer", "row", "coordinate"),
) -> Ladder:
    r"""Find the least κ of one step at every granularity.

    $$\kappa_{global}\le\kappa_{layer}\le\kappa_{row}\le\kappa_{coordinate}$$

    Args:
        steps: g of each layer; rows are along its first dimension, a vector is one row.
        descents: y of each layer.
        rungs: Granularities asked for.

    Returns:
        Rung and κ, coarse to fine: infinite where there is no certificate, NaN where nothing takes part.

    Raises:
        InputTypeError: Names or shapes differ.
        InputValueError: An entry is not finite, or a rung is unknown.

    Sign: infinite once a block has g·y ≤ 0.

    Source: derived here.

    Deviations: heads are not known from tensors alone; pass their sums to `block_bounds`.

    Example:
        >>> ladder({"w": torch.tensor([[2.0, 0.0], [0.0, 1.0]])}, {"w": torch.eye(2)}, rungs=("layer", "row"))
        {'layer': 1.9249..., 'row': 2.0}
    """
    known = tuple(rung for rung in RUNGS if rung != "head")
    for rung in rungs:
        if rung not in known:
            raise InputValueError(f"rung {rung!r}", f"some of {', '.join(known)}", did_you_mean(rung, known))
    if steps.keys() != descents.keys():
        odd = ", ".join(sorted(steps.keys() ^ descents.keys()))
        raise InputTypeError(f"only a step or only a descent for {odd}", "both for every layer", "use the same names")
    pairs = [(step, descents[name]) for name, step in steps.items()]
    for step, descent in pairs:
        check_pair(step, descent)
    pairs = list(zip(_together([g for g, _ in pairs]), _together([y for _, y in pairs]), strict=True))
    rows = [_row_sums(step, descent) for step, descent in pairs]
    layers = [sums.sum(1, keepdim=True) for sums in rows]
    found: Ladder = {}
    for rung in known:
        if rung not in rungs:
            continue
        if rung == "coordinate":
            found[rung] = _coordinate_bounds(pairs).kappa
            continue
        sums = torch.cat(rows if rung == "row" else layers, 1) if pairs else torch.zeros(3, 0)
        found[rung] = block_bounds(*(sums.sum(1, keepdim=True) if rung == "global" else sums)).kappa
    return found


def finest(ladder: Ladder) -> str | None:
    """Name the finest granularity at which there is a certificate.

    Args:
        ladder: Rung and κ.

    Returns:
        The rung; None if even the coarsest has none.

    Raises:
        InputValueError: A rung is unknown.

    Sign: finer is a stronger statement.

    Source: derived here.

    Deviations: none.

    Example:
        >>> finest({"global": 2.0, "layer": 3.0, "row": float("inf")})
        'layer'
    """
    for rung in ladder:
        if rung not in RUNGS:
            raise InputValueError(f"rung {rung!r}", f"some of {', '.join(RUNGS)}", did_you_mean(rung, RUNGS))
    return next((rung for rung in reversed(RUNGS) if math.isfinite(ladder.get(rung, math.nan))), None)


def _least(gap: Callable[[float], float], start: float) -> float | None:
    """Find where a gap that shrinks closes.

    Args:
        gap: Of ½ ln κ; closed where it is not above zero.
        start: No smaller value is looked at.

    Returns:
        The point, on the side where it is closed; None if it is above the largest κ.
    """
    if gap(start) <= 0:
        return start
    high = _LARGEST_LOG_KAPPA / 2
    if high <= start or gap(high) > 0:
        return None
    solve = cast(Callable[..., float], brentq)
    found = float(solve(gap, start, high, xtol=_RESOLUTION, rtol=_RESOLUTION, maxiter=_HALVINGS))
    step = _RESOLUTION * (1 + found)
    while gap(found) > 0:  # The side where it is open, by rounding.
        found, step = found + step, 2 * step
    return found


def _coordinate_bounds(pairs: Sequence[tuple[Tensor, Tensor]]) -> BlockBounds:
    low, high = math.inf, 0.0
    for step, descent in pairs:
        g, y = step.double().flatten(), descent.double().flatten()
        live = (g != 0) | (y != 0)
        if bool(live.any()):
            # A coordinate that moves without a gradient has an infinite ratio, of either sign.
            least, most = torch.aminmax(g[live] / y[live])
            low, high = min(low, float(least)), max(high, float(most))
    if low == math.inf and high == 0:
        return BlockBounds(math.nan, math.nan, math.nan)
    if not (low > 0 and high < math.inf):
        return BlockBounds(math.inf, math.nan, math.nan)
    return BlockBounds(high / low, low, high)


def _together(tensors: Sequence[Tensor]) -> list[Tensor]:
    # One scale for all: κ of the whole depends on their relative lengths. Ordinary tensors stay as they are.
    power = max((scaled(tensor)[1] for tensor in tensors), key=abs, default=0)
    return [times_power_of_two(tensor.double(), -power) for tensor in tensors] if power else list(tensors)


def _row_sums(step: Tensor, descent: Tensor) -> Tensor:
    g, y = step.double(), descent.double()
    if g.ndim < 2:
        g, y = g.reshape(1, -1), y.reshape(1, -1)
    return torch.stack([(a * b).flatten(1).sum(1) for a, b in ((g, g), (y, y), (g, y))])


def _sums(step_sq: Tensor, descent_sq: Tensor, dot: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    if not step_sq.shape == descent_sq.shape == dot.shape:
        given = f"step_sq {tuple(step_sq.shape)}, descent_sq {tuple(descent_sq.shape)}, dot {tuple(dot.shape)}"
        raise InputTypeError(given, "one shape", "one number a block")
    sums = torch.stack([step_sq.double(), descent_sq.double(), dot.double()])
    if not bool(torch.isfinite(sums).all()):
        raise InputValueError("sums that are not finite", "finite numbers", "leave out steps that overflowed")
    if bool((sums[:2] < 0).any()):
        raise InputValueError(
            f"a square of {float(sums[:2].min())}", "at least 0", "pass |g|², |y|², g·y in this order"
        )
    return sums[0], sums[1], sums[2]
