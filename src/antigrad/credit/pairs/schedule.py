"""DPO-Shift's schedule: one factor for all pairs that changes in the course of the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.credit.pairs.rule import PairFacts, PairRule
from antigrad.objectives.pairs.scaled_rejected import check_factors


@dataclass(frozen=True)
class Schedule(PairRule):
    r"""A factor that goes linearly from one value to another, t the share of the training that is done.

    $$\lambda(t)=\lambda_0+(\lambda_1-\lambda_0)\,t$$

    Args:
        start: λ₀, at the first step.
        end: λ₁, at the last.
        above_one: Take factors above 1 too.

    Raises:
        InputValueError: A factor is below 0, or above 1 without being asked for; later, t is not from 0 to 1.

    Sign: while λ < 1 rejected responses are pushed less.

    Source: Yang et al. 2025 (DPO-Shift), arXiv 2502.07599, linear schedules between 0.75 and 1.

    Deviations: none.

    Example:
        >>> Schedule()(PairFacts(1, progress=0.5)).tolist()
        [0.875]
    """

    per_step: ClassVar[bool] = True
    start: float = 0.75
    end: float = 1.0
    above_one: bool = False

    def __post_init__(self) -> None:
        ends = torch.tensor([float(self.start), float(self.end)])
        check_factors(ends, above_one=self.above_one, hint="0.75 and 1 are the paper's")

    def weigh(self, facts: PairFacts) -> Tensor:  # noqa: D102
        if not 0 <= facts.progress <= 1:
            raise InputValueError(f"progress={facts.progress}", "a share from 0 to 1", "steps done over all steps")
        return (self.start + (self.end - self.start) * facts.progress) * facts.ones()
