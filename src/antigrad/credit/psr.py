"""Positive sample reinforcement: only what is correct is pulled up, with weight 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from antigrad.credit.kept import Denominator, check_denominator, over_kept
from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class Psr(CreditRule):
    r"""PSR: +1 on correct responses, nothing on wrong ones.

    $$w_{i,k}=[i\text{ correct}]$$

    Groups that are all correct, on which GRPO is silent, are pulled up too.

    Args:
        denominator: `group`: the loss still divides by all tokens, so an update is the smaller the fewer rows are
            kept. `kept`: weights are larger by tokens of the group over tokens of its correct rows, as the authors'
            code divides by the rows it keeps; their learning rates are for that. See `grpo_n` for what it makes of
            each loss.

    Raises:
        InputValueError: The denominator is neither.

    Sign: correct responses are pulled up, wrong ones get no gradient.

    Source: Zhu et al. 2025, arXiv 2506.01347, PSR.

    Deviations: the authors' code cuts the batch to the correct rows before the update, so its mean is over these; here
        other rows stay in it with weight 0, and `kept` makes up for them group by group, not over the batch. Groups
        without a correct row are cut there, and count in the mean here.

    Example:
        >>> import torch
        >>> mask = torch.ones(2, 1, dtype=torch.bool)
        >>> group = Group(torch.zeros(2, 1).long(), mask, torch.tensor([True, False]), torch.tensor([0.7, -0.7]))
        >>> Psr()(group).flatten().tolist()
        [1.0, 0.0]
    """

    unmixed: ClassVar[bool] = True
    denominator: Denominator = "group"

    def __post_init__(self) -> None:
        check_denominator(self.denominator)

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        weights = group.correct.to(group.advantages)[:, None].expand(group.mask.shape)
        return over_kept(weights, group.mask, self.denominator)
