r"""Offline likelihood-ratio attack: is a sample's score unusual for models that never saw it.

Symbols: φ score of a sample under the attacked model; μ, σ its mean and deviation over shadow models without it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm

from antigrad.attacks.given import Array, scores
from antigrad.core.errors import InputTypeError, InputValueError

LEAST_MODELS = 2
FLOOR = 1e-6
"""Least deviation: shadow models that agree to the last digit say that their number is too small, not that any other
score is impossible."""


def offline_lira(target: Any, shadows: Any, seen: Any) -> Array:
    r"""Score of membership, one-sided.

    $$\Lambda=\Phi_{\mathcal N}\Big(\frac{\phi-\mu_{out}}{\sigma_{out}}\Big)$$

    Args:
        target: (N,) φ under the attacked model.
        shadows: (M, N) φ under the shadow models.
        seen: (M, N) True where the shadow model was trained on the sample.

    Returns:
        (N,) in [0, 1]; higher: more likely a member.

    Raises:
        InputTypeError: Shapes do not fit.
        InputValueError: A sample was left out by fewer than two shadow models.

    Sign: rises with φ, the confidence in the label.

    Source: Carlini et al. 2022, arXiv 2112.03570, Section V (offline).

    Deviations: σ has a floor of 1e-6.

    Example:
        >>> offline_lira([1.0], [[0.0], [2.0], [9.0]], [[False], [False], [True]]).tolist()
        [0.5]
    """
    phi, table = scores(target, "scores"), scores(shadows, "scores of shadow models", dimensions=2)
    mask = np.asarray(seen, dtype=bool)
    if table.shape[1:] != phi.shape or mask.shape != table.shape:
        raise InputTypeError(f"{phi.shape}, {table.shape}, {mask.shape}", "(N,), (M, N), (M, N)", "one row a model")
    counts = (~mask).sum(0)
    if counts.min(initial=LEAST_MODELS) < LEAST_MODELS:
        raise InputValueError(
            f"{int((counts < LEAST_MODELS).sum())} samples left out by fewer than {LEAST_MODELS} shadow models",
            f"at least {LEAST_MODELS} for each",
            "train more shadow models",
        )
    out = np.where(mask, 0.0, table)
    mean = out.sum(0) / counts
    spread = np.sqrt(np.where(mask, 0.0, (table - mean) ** 2).sum(0) / (counts - 1))
    return norm.cdf((phi - mean) / np.maximum(spread, FLOOR))
