"""Sequence Likelihood Calibration: a hinge on the log-ratio of chosen to rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.objectives.pair import PairLoss


@dataclass(frozen=True)
class Slic(PairLoss):
    r"""SLiC: a hinge without a reference.

    $$\ell(h)=\max(0,\delta-h),\qquad h=\log\frac{\pi_w}{\pi_l},\qquad c=\mathbf 1[h<\delta]$$

    Args:
        delta: δ, the margin in nats from which a pair is left alone.

    Raises:
        InputValueError: δ is not above 0.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected) until they are δ apart.

    Source: Zhao et al. 2023, arXiv 2305.10425, Eq. 3.

    Deviations: the likelihood term on a target is left out; add `Likelihood` for it.

    Example:
        >>> import torch
        >>> chosen, rejected = torch.tensor([-12.0]), torch.tensor([-12.25])
        >>> Slic(delta=1.0)(chosen, rejected).total().item()
        0.75
    """

    needs_reference: ClassVar[bool] = False
    delta: float = 1.0

    def __post_init__(self) -> None:
        if not self.delta > 0:
            raise InputValueError(f"delta={self.delta}", "a number of nats above 0", "1 is usual")

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        return (self.delta - margin).clamp(min=0)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        return (margin < self.delta).to(margin)
