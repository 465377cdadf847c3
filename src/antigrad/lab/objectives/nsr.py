"""NSR: push on wrong samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antigrad.lab.objectives.psr import Psr


@dataclass(frozen=True)
class Nsr(Psr):
    r"""NSR: −1 on wrong samples, groups that are all wrong included.

    $$w=-\mathbf 1[r=0]$$

    Args:
        denominator: See `Psr`.

    Sign: pushes wrong actions down; the freed mass returns in proportion to the policy.

    Source: Zhu et al. 2025, arXiv 2506.01347, NSR.

    Deviations: correct is a reward above ½.

    Example:
        >>> Nsr().label
        'NSR'
    """

    rule: ClassVar[str] = "nsr"
