"""Distances of rows of probabilities."""

from __future__ import annotations

import math

from torch import Tensor

from antigrad.core.errors import InputValueError


def jensen_shannon(p: Tensor, q: Tensor, base: str = "2") -> Tensor:
    r"""Jensen and Shannon's divergence of each pair of rows.

    $$\tfrac12KL(p\Vert m)+\tfrac12KL(q\Vert m),\qquad m=\tfrac12(p+q)$$

    Args:
        p: (N, K) probabilities.
        q: (N, K) probabilities.
        base: Of the logarithm: `2`, with results in [0, 1], or `e`.

    Returns:
        (N,).

    Raises:
        InputValueError: The base is neither.

    Example:
        >>> import torch
        >>> rows = [[0.7, 0.2, 0.1], [1 / 3, 1 / 3, 1 / 3]]
        >>> p, q = torch.tensor(rows, dtype=torch.float64).split(1)
        >>> round(jensen_shannon(p, q).item(), 10), round(jensen_shannon(p, q, "e").item(), 10)
        (0.1079228212, 0.0748063993)
    """
    if base not in ("2", "e"):
        raise InputValueError(f"base={base!r}", "2 or e", "2 gives values from 0 to 1")
    middle = (p + q) / 2
    nats = (_relative(p, middle) + _relative(q, middle)) / 2
    return nats / math.log(2) if base == "2" else nats


def _relative(p: Tensor, q: Tensor) -> Tensor:
    return (p * (p.clamp(min=1e-300).log() - q.clamp(min=1e-300).log())).sum(1)
