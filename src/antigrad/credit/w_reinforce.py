"""Weighted REINFORCE: full negative weight, a small positive one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class WReinforce(CreditRule):
    r"""W-REINFORCE: +λ on correct responses, −1 on wrong ones.

    $$w_{i,k}=\lambda\,[i\text{ correct}]-[i\text{ wrong}]$$

    Groups that are all correct or all wrong, on which GRPO is silent, are weighed too.

    Args:
        positive_weight: λ; 0 is NSR (negatives only).

    Raises:
        InputValueError: λ is negative.

    Sign: wrong responses are pushed down with weight 1, correct ones pulled up with weight λ.

    Source: Zhu et al. 2025, arXiv 2506.01347, W-REINFORCE; λ = 0.1 theirs.

    Deviations: none.

    Example:
        >>> import torch
        >>> mask = torch.ones(2, 1, dtype=torch.bool)
        >>> group = Group(torch.zeros(2, 1).long(), mask, torch.tensor([True, False]), torch.tensor([0.7, -0.7]))
        >>> [round(weight, 3) for weight in WReinforce()(group).flatten().tolist()]
        [0.1, -1.0]
    """

    unmixed: ClassVar[bool] = True
    positive_weight: float = 0.1

    def __post_init__(self) -> None:
        if not isinstance(self.positive_weight, int | float) or not 0 <= self.positive_weight < float("inf"):
            raise InputValueError(f"positive_weight={self.positive_weight}", "a number from 0", "0.1 is the paper's")

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        correct = group.correct.to(group.advantages)
        signs = self.positive_weight * correct - (1 - correct)
        return signs[:, None].expand(group.mask.shape)
