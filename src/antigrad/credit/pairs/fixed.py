"""One factor for all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.credit.pairs.rule import PairFacts, PairRule
from antigrad.objectives.pairs.scaled_rejected import check_factors


@dataclass(frozen=True)
class Fixed(PairRule):
    r"""One factor for all pairs: DPO-Shift, and the fixed constraint of VPO's ablation (λ = 1 − v).

    $$\lambda=\text{const}$$

    Args:
        factor: λ; 1 is DPO, 0 leaves rejected responses out.
        above_one: Take a factor above 1 too.

    Raises:
        InputValueError: λ is below 0, or above 1 without being asked for.

    Sign: a smaller λ pushes rejected responses less relative to the pull on chosen ones.

    Source: Yang et al. 2025, arXiv 2502.07599, Eq. 3 (0.95 suggested); VPO (OpenReview LCZmI3iM8X), Table 2.

    Deviations: none.

    Example:
        >>> Fixed(0.5)(PairFacts(2)).tolist()
        [0.5, 0.5]
    """

    factor: float = 0.95
    above_one: bool = False

    def __post_init__(self) -> None:
        check_factors(torch.tensor([float(self.factor)]), above_one=self.above_one, hint="0.95 is the paper's")

    def weigh(self, facts: PairFacts) -> Tensor:  # noqa: D102
        return self.factor * facts.ones()
