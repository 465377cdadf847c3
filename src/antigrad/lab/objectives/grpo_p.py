"""GRPO with the positive half of its advantages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antigrad.lab.objectives.grpo import Grpo


@dataclass(frozen=True)
class GrpoP(Grpo):
    r"""GRPO-P: advantages over all G samples, then the negative ones are set to 0.

    $$w_i=\max(\hat A_i,0)$$

    Args:
        scale: See `Grpo`.
        denominator: See `Grpo`.
        clip: See `Grpo`.

    Sign: raises what is above its group's mean; pushes nothing down.

    Source: the complement of GRPO-N, Yao et al. 2025, arXiv 2510.04028.

    Deviations: as `Grpo`.

    Example:
        >>> GrpoP().label
        'GRPO-P'
    """

    rule: ClassVar[str] = "positives_only"
    suffix: ClassVar[str] = "-P"
