"""GRPO with the negative half of its advantages: relative negative gradients only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antigrad.lab.objectives.grpo import Grpo


@dataclass(frozen=True)
class GrpoN(Grpo):
    r"""GRPO-N: advantages over all G samples, then the positive ones are set to 0.

    $$w_i=\min(\hat A_i,0)$$

    Args:
        scale: See `Grpo`.
        denominator: See `Grpo`; which one the paper divides by is not known.
        clip: See `Grpo`.

    Sign: pushes down what is below its group's mean; the freed mass returns in proportion to the policy.

    Source: Yao et al. 2025, arXiv 2510.04028, "relative negative gradients only".

    Deviations: as `Grpo`.

    Example:
        >>> GrpoN().label
        'GRPO-N'
    """

    rule: ClassVar[str] = "negatives_only"
    suffix: ClassVar[str] = "-N"
