"""Only what is correct is pulled up; nothing is pushed down."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class PositivesOnly(CreditRule):
    r"""GRPO with the negative advantages set to zero ("Pos Only").

    $$w_{i,k}=\max(\hat A_i,0)$$

    The sign of the advantage alone counts, in every group: with a graded reward it has one where the verdicts agree.

    Sign: correct responses are pulled up, wrong ones get no gradient.

    Source: Deng et al. 2025, arXiv 2505.18830, Sec. 3 and Fig. 1.

    Deviations: none.

    Example:
        >>> import torch
        >>> mask = torch.ones(2, 2, dtype=torch.bool)
        >>> group = Group(torch.zeros(2, 2).long(), mask, torch.tensor([True, False]), torch.tensor([1.0, -1.0]))
        >>> PositivesOnly()(group).tolist()
        [[1.0, 1.0], [0.0, 0.0]]
    """

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        return group.spread().clamp(min=0)

    def weigh_unmixed(self, group: Group) -> Tensor:  # noqa: D102
        return self.weigh(group)
