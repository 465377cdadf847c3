"""Positive sample reinforcement: only what is correct is pulled up, with weight 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class Psr(CreditRule):
    r"""PSR: +1 on correct responses, nothing on wrong ones.

    $$w_{i,k}=[i\text{ correct}]$$

    Groups that are all correct, on which GRPO is silent, are pulled up too.

    Sign: correct responses are pulled up, wrong ones get no gradient.

    Source: Zhu et al. 2025, arXiv 2506.01347, PSR.

    Deviations: the authors' code cuts the batch to the correct rows before the update, so its mean is over these; here
        wrong rows stay in it with weight 0.

    Example:
        >>> import torch
        >>> mask = torch.ones(2, 1, dtype=torch.bool)
        >>> group = Group(torch.zeros(2, 1).long(), mask, torch.tensor([True, False]), torch.tensor([0.7, -0.7]))
        >>> Psr()(group).flatten().tolist()
        [1.0, 0.0]
    """

    unmixed: ClassVar[bool] = True

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        return group.correct.to(group.advantages)[:, None].expand(group.mask.shape)
