"""Negative sample reinforcement: only what is wrong is pushed down, with weight 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from antigrad.credit.kept import Denominator, check_denominator, over_kept
from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class Nsr(CreditRule):
    r"""NSR: −1 on wrong responses, nothing on correct ones.

    $$w_{i,k}=-[i\text{ wrong}]$$

    Groups that are all wrong, on which GRPO is silent, are pushed down too.

    Args:
        denominator: `group`: the loss still divides by all tokens, so an update is the smaller the fewer rows are
            kept. `kept`: weights are larger by tokens of the group over tokens of its wrong rows, as the authors'
            code divides by the rows it keeps; their learning rates are for that. See `grpo_n` for what it makes of
            each loss.

    Raises:
        InputValueError: The denominator is neither.

    Sign: wrong responses are pushed down, correct ones get no gradient.

    Source: Zhu et al. 2025, arXiv 2506.01347, NSR.

    Deviations: the authors' code cuts the batch to the wrong rows before the update, so its mean is over these; here
        other rows stay in it with weight 0, and `kept` makes up for them group by group, not over the batch. Groups
        without a wrong row are cut there, and count in the mean here.

    Example:
        >>> import torch
        >>> mask = torch.ones(2, 1, dtype=torch.bool)
        >>> group = Group(torch.zeros(2, 1).long(), mask, torch.tensor([True, False]), torch.tensor([0.7, -0.7]))
        >>> Nsr()(group).flatten().tolist()
        [0.0, -1.0]
    """

    unmixed: ClassVar[bool] = True
    denominator: Denominator = "group"

    def __post_init__(self) -> None:
        check_denominator(self.denominator)

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        # 0 where correct, not the −0 that a negated False would give.
        weights = (group.correct.to(group.advantages) - 1)[:, None].expand(group.mask.shape)
        return over_kept(weights, group.mask, self.denominator)
