"""Anchored preference optimisation, for a model better than the chosen responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, above_zero


@dataclass(frozen=True)
class ApoDown(PairLoss):
    r"""APO-down: both responses down, the rejected one more.

    $$\mathcal L=\sigma(\beta\ell_w)+1-\sigma(\beta(\ell_w-\ell_l)),\qquad
    g_w=\beta\,[\sigma'(\beta h)-\sigma'(\beta\ell_w)],\quad g_l=\beta\,\sigma'(\beta h),\qquad
    \sigma'=\sigma(1-\sigma)$$

    Args:
        beta: β, inverse temperature.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it lowers log π(rejected), and log π(chosen) too wherever |ℓ_w| < |h|.

    Source: D'Oosterlinck et al. 2024, arXiv 2408.06266, Eq. 8, as TRL 1.16.0, `loss_type="apo_down"`.

    Deviations: none.

    Example:
        >>> import torch
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = ApoDown()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.9376127191, -0.0001398012, 0.0248202415]
    """

    steady: ClassVar[bool] = False
    beta: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        chosen, rejected = pairs.ratios()
        return torch.sigmoid(self.beta * chosen) + torch.sigmoid(-self.beta * (chosen - rejected))

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        chosen, rejected = pairs.ratios()
        alone, both = (
            self.beta * torch.sigmoid(logit) * torch.sigmoid(-logit)
            for logit in (self.beta * chosen, self.beta * (chosen - rejected))
        )
        return PairWeights(both - alone, both)
