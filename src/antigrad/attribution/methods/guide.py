"""The guide of Guided AbsoluteGrad: weights that favour pixels whose gradient varies most over the noise."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError, did_you_mean

Guide = Literal["paper", "relative", "hard", "variance"]
Pool = Literal["channel", "image"]


def quantile(values: Tensor, p: float) -> Tensor:
    r"""Linearly interpolated p-quantile over the last axis, of any number of elements.

    $$q=v_{(\lfloor r\rfloor)}+(r-\lfloor r\rfloor)\,(v_{(\lceil r\rceil)}-v_{(\lfloor r\rfloor)}),\qquad r=p(N-1)$$

    `torch.quantile` refuses more than 16 million elements; two selections of order statistics don't.

    Args:
        values: (..., N) without NaN, N at least 1.
        p: Between 0 and 1.

    Returns:
        (...) quantiles.

    Raises:
        InputValueError: There is nothing to take a quantile of, or p is out of range.

    Source: the definition of `torch.quantile(interpolation="linear")`.

    Deviations: the rank is computed in float64 whatever the dtype.

    Example:
        >>> quantile(torch.tensor([4.0, 1.0, 3.0, 2.0]), 0.5).item()
        2.5
    """
    count = values.shape[-1]
    if count == 0 or not 0 <= p <= 1:
        raise InputValueError(f"the {p}-quantile of {count} values", "p in [0, 1] of at least one", "check p")
    rank = p * (count - 1)
    low = values.kthvalue(math.floor(rank) + 1, dim=-1).values
    high = values.kthvalue(math.ceil(rank) + 1, dim=-1).values
    return torch.lerp(low, high, rank - math.floor(rank))


def guide_weights(
    variance: Tensor, percentile: float, guide: Guide | None, pool: Pool = "channel", tolerance: float = 0.0
) -> Tensor:
    r"""Weights of the pixels from the variance of their gradients.

    $$q=\operatorname{quantile}_p V,\qquad\tilde V=\begin{cases}1&V>q\\V&\text{else}\end{cases}\ (\text{paper}),\quad
    \min(V/q,1)\ (\text{relative}),\quad 1[V>q(1+\tau)]\ (\text{hard}),\quad V\ (\text{variance})$$

    Args:
        variance: (B, C, ...) unbiased variance over noise samples, 0 where rounding; fewer axes count as one channel.
        percentile: p in [0, 1); 0 turns the guide off.
        guide: `paper` keeps the raw variance below the threshold and so depends on the unit of the logits;
            `relative` is free of scale; `hard` is a control, tied at 0 on most pixels; `variance` is the
            variance itself; None turns it off.
        tolerance: τ of the hard guide: how far above the threshold, as a share of it, a pixel has to be. At 0 rounding
            alone turns pixels at the threshold: 62 of 50,176 on one picture, between two orders of the same sums; 1e-4
            leaves them out.
        pool: Whose pixels a threshold is taken over: each `channel`'s, or the whole `image`'s.

    Returns:
        Weights of the same shape. An image without any variance (linear model, no noise) gets ones.

    Raises:
        InputValueError: An option is out of range.

    Sign: weights are never negative: they make a magnitude smaller, never turn it.

    Source: Guided AbsoluteGrad, arXiv 2404.15564, Eq. 6, as in the authors' code.

    Deviations: `relative` and `hard` are ours. Images without variance get ones: in the authors' code the map of such
        an image is one constant.

    Example:
        >>> v = torch.tensor([[[0.1, 0.2, 0.3, 0.4]]])
        >>> guide_weights(v, 0.5, "hard").tolist()
        [[[0.0, 0.0, 1.0, 1.0]]]
    """
    check_guide(percentile, guide, pool)
    if not 0 <= tolerance < 1:
        raise InputValueError(f"tolerance {tolerance}", "0 to below 1", "0 is the definition, 1e-4 is above rounding")
    ones = torch.ones_like(variance)
    if guide is None or percentile == 0 or variance.numel() == 0:
        return ones
    per_image = variance.flatten(1)
    flat = variance.flatten(2) if pool == "channel" and variance.ndim > 2 else per_image[:, None]
    threshold = quantile(flat, percentile)
    threshold = threshold.reshape(*threshold.shape, *[1] * (variance.ndim - 2))
    if guide == "paper":
        weights = torch.where(variance > threshold, ones, variance)
    elif guide == "relative":
        weights = torch.where(threshold > 0, variance / threshold.clamp_min(_tiny(variance)), ones).clamp(max=1)
    elif guide == "hard":
        weights = (variance > threshold * (1 + tolerance)).to(variance.dtype)
    else:
        weights = variance
    still = (per_image == 0).all(1).reshape(-1, *[1] * (variance.ndim - 1))
    return torch.where(still, ones, weights)


def check_guide(percentile: float, guide: Guide | None, pool: Pool) -> None:
    """Refuse options of a guide that mean nothing.

    Args:
        percentile: p.
        guide: Name of the guide, or None.
        pool: Whose pixels a threshold is taken over.

    Raises:
        InputValueError: One is out of range.
    """
    if guide is not None and guide not in get_args(Guide):
        raise InputValueError(f"guide {guide!r}", "a guide or None", did_you_mean(str(guide), get_args(Guide)))
    if not 0 <= percentile < 1:
        raise InputValueError(f"percentile {percentile}", "0 (no guide) to below 1", "the paper's is 0.85")
    if pool not in get_args(Pool):
        raise InputValueError(f"pool {pool!r}", "channel or image", "channel is the paper's")


def _tiny(like: Tensor) -> float:
    return torch.finfo(like.dtype).tiny
