"""Only what is wrong is pushed down; nothing is pulled up."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class NegativesOnly(CreditRule):
    r"""GRPO with the positive advantages set to zero.

    $$w_{i,k}=\min(\hat A_i,0)$$

    The sign of the advantage alone counts, in every group: with a graded reward it has one where the verdicts agree.

    Sign: wrong responses are pushed down, correct ones get no gradient: what the correct ones lose
        or gain under this rule is the doing of the negative gradient alone.

    Source: the down part of GRPO (Shao et al. 2024, arXiv 2402.03300); with $\hat A=-1$ it is NSR of
        Zhu et al. 2025, arXiv 2506.01347.

    Deviations: keeps the group-relative advantage where NSR uses −1.

    Example:
        >>> import torch
        >>> mask = torch.ones(2, 2, dtype=torch.bool)
        >>> group = Group(torch.zeros(2, 2).long(), mask, torch.tensor([True, False]), torch.tensor([1.0, -1.0]))
        >>> NegativesOnly()(group).tolist()
        [[0.0, 0.0], [-1.0, -1.0]]
    """

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        return group.spread().clamp(max=0)

    def weigh_unmixed(self, group: Group) -> Tensor:  # noqa: D102
        return self.weigh(group)
