"""Direct Preference Optimisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import above_zero, softplus
from antigrad.objectives.pairs.margin import MarginLoss


@dataclass(frozen=True)
class Dpo(MarginLoss):
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
        >>> import torch
        >>> from antigrad.objectives import PairLogps
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5]], dtype=torch.float64))
        >>> out = Dpo()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.6117553389, 0.0457602059, 0.0457602059]
    """

    beta: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        return softplus(-self.beta * margin)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        return self.beta * torch.sigmoid(-self.beta * margin)
