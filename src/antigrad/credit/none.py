"""No steering: every token carries its response's advantage."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class NoCredit(CreditRule):
    r"""GRPO as it is.

    $$w_{i,k}=\hat A_i$$

    Sign: tokens of wrong responses get $\hat A<0$ and are pushed down.

    Source: Shao et al. 2024, arXiv 2402.03300 (GRPO).

    Deviations: none.

    Example:
        >>> import torch
        >>> mask = torch.ones(2, 2, dtype=torch.bool)
        >>> group = Group(torch.zeros(2, 2).long(), mask, torch.tensor([True, False]), torch.tensor([1.0, -1.0]))
        >>> NoCredit()(group).tolist()
        [[1.0, 1.0], [-1.0, -1.0]]
    """

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        return group.spread()
