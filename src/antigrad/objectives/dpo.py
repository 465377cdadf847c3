"""Direct Preference Optimisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from antigrad.core.errors import InputValueError
from antigrad.objectives.pair import PairLoss


@dataclass(frozen=True)
class Dpo(PairLoss):
    r"""DPO: the log-sigmoid of the margin.

    $$\ell(h)=-\log\sigma(\beta h),\qquad c=\beta\,\sigma(-\beta h)$$

    Args:
        beta: β, inverse temperature.

    Raises:
        InputValueError: β is not above 0.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected), less and less as the margin grows.

    Source: Rafailov et al. 2023, arXiv 2305.18290, Eq. 7.

    Deviations: none.

    Example:
        >>> h = torch.tensor([1.7], dtype=torch.float64)  # log-ratios −0.8 and −2.5
        >>> round(Dpo()(h, 0 * h, 0 * h, 0 * h).total().item(), 10)
        0.6117553389
    """

    beta: float = 0.1

    def __post_init__(self) -> None:
        if not self.beta > 0:
            raise InputValueError(f"beta={self.beta}", "a number above 0", "0.1 is usual")

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        return softplus(-self.beta * margin)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        return self.beta * torch.sigmoid(-self.beta * margin)
