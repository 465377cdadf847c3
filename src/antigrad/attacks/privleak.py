"""PrivLeak: how far the area under an attack's ROC is from that of the retrained model."""

from __future__ import annotations

from antigrad.core.errors import InputValueError


def privleak(auc: float, retrained: float) -> float:
    r"""Relative distance of an attack's area from retraining, in percent.

    $$100\cdot\frac{(1-AUC_u)-(1-AUC_r)}{1-AUC_r}$$

    Args:
        auc: Area of forgotten above unseen samples on the unlearned model, in [0, 1].
        retrained: The same on the retrained one, below 1.

    Returns:
        Percent; 0 is ideal.

    Raises:
        InputValueError: An area is not one, or the retrained model's is 1.

    Sign: below 0 under-unlearned (forgotten samples still look like members), above 0 over-unlearned.

    Source: Shi et al. 2024, arXiv 2407.06460 (MUSE), PrivLeak in the form of its code.

    Deviations: none.

    Example:
        >>> round(privleak(0.9, 0.5)), round(privleak(0.1, 0.5))
        (-80, 80)
    """
    if not (0 <= auc <= 1 and 0 <= retrained < 1):
        raise InputValueError(f"areas {auc} and {retrained}", "from 0 to 1, the second below 1", "pass areas of ROCs")
    return 100 * ((1 - auc) - (1 - retrained)) / (1 - retrained)
