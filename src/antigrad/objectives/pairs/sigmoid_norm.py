"""DPO on means over tokens."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import above_zero, softplus
from antigrad.objectives.pairs.margin import MarginLoss


@dataclass(frozen=True)
class SigmoidNorm(MarginLoss):
    r"""DPO per token: the log-sigmoid of the margin of mean log-ratios.

    $$h=\frac{\ell_w}{|y_w|}-\frac{\ell_l}{|y_l|},\qquad\ell(h)=-\log\sigma(\beta h),\qquad c=\beta\,\sigma(-\beta h)$$

    Args:
        beta: β, inverse temperature.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected), each by its share per token.

    Source: TRL 1.16.0, `loss_type="sigmoid_norm"` (Tülu 3: Lambert et al. 2024, arXiv 2411.15124).

    Deviations: none.

    Example:
        >>> import torch
        >>> from antigrad.objectives import PairLogps
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = SigmoidNorm()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.6856753053, 0.0062031259, 0.0049625007]
    """

    per_token = True
    beta: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        return softplus(-self.beta * margin)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        return self.beta * torch.sigmoid(-self.beta * margin)
