"""pass@k from samples: the chance that one of k attempts is correct, without bias."""

from __future__ import annotations

import math

from antigrad.core.errors import InputValueError


def pass_at_k_estimate(samples: int, correct: int, k: int) -> float:
    r"""Unbiased estimate of pass@k from n samples of which c are correct.

    $$\widehat{\mathrm{pass@}k}=1-\binom{n-c}k\Big/\binom nk=1-\prod_{j=n-c+1}^n\Big(1-\frac kj\Big)$$

    Args:
        samples: n.
        correct: c.
        k: Attempts, at most n.

    Returns:
        The estimate; 1 if fewer than k samples are wrong.

    Raises:
        InputValueError: Not 0 ≤ c ≤ n and 1 ≤ k ≤ n.

    Source: Chen et al. 2021, arXiv 2107.03374; the stable form as in Zhu et al. 2025, arXiv 2506.01347.

    Deviations: none.

    Example:
        >>> pass_at_k_estimate(8, 3, 4)
        0.928...
    """
    if not (0 <= correct <= samples and 1 <= k <= samples):
        given = f"n={samples}, c={correct}, k={k}"
        raise InputValueError(given, "0 ≤ c ≤ n and 1 ≤ k ≤ n", "sample at least k responses per prompt")
    if samples - correct < k:
        return 1.0
    return 1.0 - math.prod(1 - k / j for j in range(samples - correct + 1, samples + 1))
