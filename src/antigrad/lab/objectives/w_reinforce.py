"""W-REINFORCE: full negative weight, a small positive one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antigrad.credit import CREDIT, CreditRule
from antigrad.lab.objectives.psr import Psr


@dataclass(frozen=True)
class WReinforce(Psr):
    r"""W-REINFORCE: λ on correct samples, −1 on wrong ones; λ = 1 is REINFORCE with rewards ±1.

    $$w=\lambda\,\mathbf 1[r=1]-\mathbf 1[r=0]$$

    Args:
        positive_weight: λ.
        denominator: See `Psr`.

    Sign: pushes wrong actions down, raises correct ones a little.

    Source: Zhu et al. 2025, arXiv 2506.01347, W-REINFORCE.

    Deviations: correct is a reward above ½.

    Example:
        >>> WReinforce().label, WReinforce(1.0).label
        ('W-REINFORCE(0.1)', 'REINFORCE(±1)')
    """

    rule: ClassVar[str] = "w_reinforce"
    positive_weight: float = 0.1

    def credit(self) -> CreditRule:  # noqa: D102
        return CREDIT.make(f"w_reinforce(positive_weight={self.positive_weight})")

    @property
    def label(self) -> str:  # noqa: D102
        name = "REINFORCE(±1)" if self.positive_weight == 1 else f"W-REINFORCE({self.positive_weight:g})"
        return name + self._note
