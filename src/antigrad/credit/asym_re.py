"""Asymmetric REINFORCE: rewards against a baseline a little below their mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class AsymRe(CreditRule):
    r"""AsymRE: the reward, 1 or 0, minus a baseline V a little below the group's mean.

    $$w_{i,k}=r_i-V,\qquad V=\max(p+\delta V,0)$$

    Groups that are not mixed are weighed too: where all responses are correct each is pulled up by −δV, where
    all are wrong V is 0 and nothing is pushed.

    Args:
        delta_v: δV; 0 is the plain mean, below 0 pushes wrong responses down less.

    Raises:
        InputValueError: δV is not a number from −1 to 0.

    Sign: correct responses are pulled up, wrong ones pushed down or left alone.

    Source: Arnal et al. 2025, arXiv 2506.20520, A = r − V.

    Deviations: V is the mean of the group at hand and is not let below 0, so that no wrong response is
        pulled up.

    Example:
        >>> import torch
        >>> mask = torch.ones(4, 1, dtype=torch.bool)
        >>> correct = torch.tensor([True, False, False, False])
        >>> group = Group(torch.zeros(4, 1).long(), mask, correct, correct.double() - 0.25)
        >>> [round(weight, 2) for weight in AsymRe()(group).flatten().tolist()]
        [0.85, -0.15, -0.15, -0.15]
    """

    unmixed: ClassVar[bool] = True
    delta_v: float = -0.1

    def __post_init__(self) -> None:
        if not isinstance(self.delta_v, int | float) or not -1 <= self.delta_v <= 0:
            raise InputValueError(f"delta_v={self.delta_v}", "a number from -1 to 0", "0 is the group's mean")

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        baseline = max(group.success_rate + self.delta_v, 0.0)
        rewards = group.correct.to(group.advantages)
        return (rewards - baseline)[:, None].expand(group.mask.shape)
