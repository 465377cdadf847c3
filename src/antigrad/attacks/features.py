r"""What attacks look at: figures of a classifier's probabilities and a label.

Symbols: p (N, K) probabilities, y (N,) labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from antigrad.attacks.given import Array, scores
from antigrad.core.errors import InputValueError

TINY = 1e-12
"""Probabilities are kept at least so far from 0, so that logarithms are finite."""


def confidence(probabilities: Any, labels: Any) -> Array:
    """Probability of the label.

    Args:
        probabilities: (N, K).
        labels: (N,) from 0 to K−1.

    Returns:
        (N,).

    Example:
        >>> confidence([[0.7, 0.3]], [1]).tolist()
        [0.3]
    """
    p, y = _given(probabilities, labels)
    return p[np.arange(len(y)), y]


def label_loss(probabilities: Any, labels: Any) -> Array:
    """Cross-entropy of each sample, −log p_y, in nats.

    Args:
        probabilities: (N, K).
        labels: (N,).

    Returns:
        (N,).
    """
    return -np.log(np.maximum(confidence(probabilities, labels), TINY))


def logit_margin(probabilities: Any, labels: Any) -> Array:
    r"""Logit of the label's probability, $\phi=\log\frac{p_y}{1-p_y}$.

    Args:
        probabilities: (N, K).
        labels: (N,).

    Returns:
        (N,); over models nearly a normal distribution.

    Source: Carlini et al. 2022, arXiv 2112.03570, Eq. 4.
    """
    p, y = _given(probabilities, labels)
    others = p.copy()
    others[np.arange(len(y)), y] = 0.0  # 1 − p_y would cancel where p_y is near 1.
    return np.log(np.maximum(p[np.arange(len(y)), y], TINY)) - np.log(np.maximum(others.sum(1), TINY))


def entropy(probabilities: Any) -> Array:
    """Entropy of each row, in nats.

    Args:
        probabilities: (N, K).

    Returns:
        (N,).

    Example:
        >>> entropy([[0.5, 0.5]]).round(4).tolist()
        [0.6931]
    """
    p = scores(probabilities, "probabilities", dimensions=2)
    return -(p * np.log(np.maximum(p, TINY))).sum(1)


def modified_entropy(probabilities: Any, labels: Any) -> Array:
    r"""Entropy that knows the label: low only where the model is sure of it.

    $$-(1-p_y)\log p_y-\sum_{k\ne y}p_k\log(1-p_k)$$

    Args:
        probabilities: (N, K).
        labels: (N,).

    Returns:
        (N,).

    Source: Song & Mittal 2021, arXiv 2003.10595, Eq. 8.
    """
    p, y = _given(probabilities, labels)
    rows = np.arange(len(y))
    others = -p * np.log(np.maximum(1 - p, TINY))
    others[rows, y] = 0.0
    return -(1 - p[rows, y]) * np.log(np.maximum(p[rows, y], TINY)) + others.sum(1)


def _given(probabilities: Any, labels: Any) -> tuple[Array, Any]:
    p, y = scores(probabilities, "probabilities", dimensions=2), np.asarray(labels)
    if y.shape != (len(p),) or not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= p.shape[1]:
        raise InputValueError(
            f"labels of shape {y.shape}, {y.dtype}", f"({len(p)},) whole numbers below {p.shape[1]}", "one label a row"
        )
    return p, y
