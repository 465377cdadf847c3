"""Positive sample reinforcement: only what is correct is pulled up, with weight 1."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class Psr(CreditRule):
    r"""PSR: +1 on correct responses, nothing on wrong ones.

    $$w_{i,k}=[i\text{ correct}]$$

    Sign: correct responses are pulled up, wrong ones get no gradient.

    Source: Zhu et al. 2025, arXiv 2506.01347, PSR.

    Deviations: a group that is not mixed keeps the advantages it came with (0 in GRPO).

    Example:
        >>> import torch
        >>> mask = torch.ones(2, 1, dtype=torch.bool)
        >>> group = Group(torch.zeros(2, 1).long(), mask, torch.tensor([True, False]), torch.tensor([0.7, -0.7]))
        >>> Psr()(group).flatten().tolist()
        [1.0, 0.0]
    """

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        return group.correct.to(group.advantages)[:, None].expand(group.mask.shape)
