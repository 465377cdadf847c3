"""Simple Preference Optimisation, without a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import above_zero, softplus
from antigrad.objectives.pairs.margin import MarginLoss


@dataclass(frozen=True)
class Simpo(MarginLoss):
    r"""SimPO: the log-sigmoid of the margin of mean log-probabilities, less a target.

    $$h=\frac{\log\pi_w}{|y_w|}-\frac{\log\pi_l}{|y_l|},\qquad
    \ell(h)=-\log\sigma(\beta h-\gamma),\qquad c=\beta\,\sigma(\gamma-\beta h)$$

    Args:
        beta: β, inverse temperature.
        gamma: γ, target of βh; γ/β = 0.5 is usual.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected), each by its share per token.

    Source: Meng et al. 2024, arXiv 2405.14734, Eq. 6.

    Deviations: none.

    Example:
        >>> import torch
        >>> from antigrad.objectives import PairLogps
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Simpo()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.6931471806, 0.125, 0.1]
    """

    needs_reference: ClassVar[bool] = False
    per_token = True
    beta: float = 2.0
    gamma: float = 1.0

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "2 is usual")

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        return softplus(self.gamma - self.beta * margin)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        return self.beta * torch.sigmoid(self.gamma - self.beta * margin)
