"""Negative sample reinforcement: only what is wrong is pushed down, with weight 1."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class Nsr(CreditRule):
    r"""NSR: −1 on wrong responses, nothing on correct ones.

    $$w_{i,k}=-[i\text{ wrong}]$$

    Sign: wrong responses are pushed down, correct ones get no gradient.

    Source: Zhu et al. 2025, arXiv 2506.01347, NSR.

    Deviations: a group that is not mixed keeps the advantages it came with (0 in GRPO); in the paper groups that
        are all wrong are pushed down too, and the laboratory does so.

    Example:
        >>> import torch
        >>> mask = torch.ones(2, 1, dtype=torch.bool)
        >>> group = Group(torch.zeros(2, 1).long(), mask, torch.tensor([True, False]), torch.tensor([0.7, -0.7]))
        >>> Nsr()(group).flatten().tolist()
        [0.0, -1.0]
    """

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        # 0 where correct, not the −0 that a negated False would give.
        return (group.correct.to(group.advantages) - 1)[:, None].expand(group.mask.shape)
