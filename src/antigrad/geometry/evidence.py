r"""What a handful of products g·y says of their mean: Student's t, on the scale of a normal variable.

A step and a gradient that did not make it have a product that is never exactly zero. Whether it *means* anything
can't be read from its own terms: the gradients of batches have low rank, so that the terms are not independent and
their random signs (`angle.sign_flip_z`) say far too little of the noise. What says it is the spread of products that
differ in their data: over micro-batches, samples, or the rows of recent steps.

Symbols: d_1 … d_n the products, d̄ their mean, s their standard deviation, ν = n − 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.special import ndtri_exp, stdtr, stdtrit
from torch import Tensor

from antigrad.core.errors import InputValueError

THRESHOLD = 3.0
"""|t| above which a mean is distinguishable from zero: a chance of .0027 under the null."""
LEAST_VALUES = 4
"""Fewer values than this are no evidence."""
_LARGEST = 38.0


@dataclass(frozen=True)
class Evidence:
    r"""A mean, its standard error, and how far it is from zero.

    $$t=\Phi^{-1}\Big(F_{n-1}\Big(\frac{\bar d}{s/\sqrt n}\Big)\Big)$$

    with F the distribution of Student's t: whatever n, |t| > 3 has a chance of .0027 under the null (for normal
    values; heavy tails make it rarer).

    Args:
        mean: d̄.
        error: Its standard error; NaN of fewer than four values.
        count: n.
        t: None of fewer than four values.
    """

    mean: float
    error: float
    count: int
    t: float | None

    @property
    def falls(self) -> bool:
        """Whether the mean is significantly above zero."""
        return self.t is not None and self.t > THRESHOLD

    @property
    def rises(self) -> bool:
        """Whether the mean is significantly below zero."""
        return self.t is not None and self.t < -THRESHOLD


def evidence(values: Sequence[float] | Tensor, weights: Sequence[float] | None = None) -> Evidence:
    r"""Weigh values against their spread.

    $$\bar d=\sum_iw_id_i,\qquad s_{\bar d}^2=\frac n{n-1}\sum_iw_i^2(d_i-\bar d)^2$$

    Args:
        values: (n,) d_i, products of one step with the gradients of different data, or of different steps in one
            unit.
        weights: (n,) w_i, shares of the data that sum to 1; None for 1/n.

    Returns:
        What they say.

    Raises:
        InputValueError: A value is not finite, or the weights do not fit.

    Sign: t above zero when the mean is.

    Source: Student 1908, Biometrika 6, 1; that the null of random signs fails for the gradients of batches is
        measured here.

    Deviations: t is put on the scale of a normal variable.

    Example:
        >>> found = evidence([1.0, 2.0, 1.5, 2.5])
        >>> round(found.mean, 3), round(found.error, 3), round(found.t, 3)
        (1.75, 0.323, 2.5...)
    """
    d = torch.as_tensor(values, dtype=torch.float64)
    count = len(d)
    w = torch.full_like(d, 1 / max(1, count)) if weights is None else torch.as_tensor(weights, dtype=torch.float64)
    if w.shape != d.shape or not bool(torch.isfinite(d).all() & torch.isfinite(w).all()):
        given = f"{count} values, {tuple(w.shape)} weights"
        raise InputValueError(given, "finite values and a weight for each", "leave out steps that overflowed")
    mean = float(w @ d)
    if count < LEAST_VALUES:
        return Evidence(mean, math.nan, count, None)
    error = math.sqrt(count / (count - 1) * float((w * (d - mean)).square().sum()))
    return Evidence(mean, error, count, normal_score(_ratio(mean, error), count - 1))


def normal_score(t: float, freedom: int) -> float:
    """Put Student's t on the scale of a normal variable, keeping its tail.

    Args:
        t: d̄ over its standard error.
        freedom: Degrees of freedom.

    Returns:
        The normal variable of the same tail, cut off at ±38.

    Example:
        >>> round(normal_score(9.219, 3), 2), round(normal_score(3.0, 100000), 2)
        (3.0, 3.0)
    """
    tail = float(stdtr(freedom, -abs(t)))
    size = _LARGEST if tail == 0 else min(_LARGEST, -float(ndtri_exp(math.log(tail))))
    return math.copysign(size, t) if t else 0.0


def critical(freedom: Tensor, hypotheses: int) -> Tensor:
    r"""Value of Student's t that one of several means passes by chance as rarely as `THRESHOLD` is passed.

    $$F_\nu(-t_{crit})=\Phi(-3)/m$$

    Args:
        freedom: (L,) degrees of freedom.
        hypotheses: m, how many means are looked at together.

    Returns:
        (L,) the value; infinite without a degree of freedom.

    Source: Bonferroni's bound.

    Example:
        >>> [round(value, 2) for value in critical(torch.tensor([3.0, 1e6]), 1).tolist()]
        [9.22, 3.0]
    """
    tail = 0.5 * math.erfc(THRESHOLD / math.sqrt(2)) / max(1, hypotheses)
    found = -torch.as_tensor(stdtrit(freedom.double().clamp(min=1).numpy(), tail))
    return torch.where(freedom >= LEAST_VALUES - 1, found, math.inf)


def _ratio(mean: float, error: float) -> float:
    if error > 0:
        return mean / error
    return math.copysign(math.inf, mean) if mean else 0.0
