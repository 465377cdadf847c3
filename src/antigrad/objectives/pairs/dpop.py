"""DPO-Positive: a penalty where the chosen response falls."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, above_zero, softplus


@dataclass(frozen=True)
class Dpop(PairLoss):
    r"""DPOP (Smaug): DPO with a penalty, inside σ, while the chosen response is below the reference.

    $$\mathcal L=-\log\sigma(r),\quad r=\beta\big(\ell_w-\ell_l-\lambda\max(0,-\ell_w)\big),\qquad
    g_w=\beta\sigma(-r)\,(1+\lambda\mathbf 1[\ell_w<0]),\quad g_l=\beta\sigma(-r)$$

    Args:
        beta: β, inverse temperature.
        penalty: λ of the penalty; 0 is DPO.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen), λ + 1 times as strongly while it is below the reference,
        and lowers log π(rejected).

    Source: Pal et al. 2024, arXiv 2402.13228 (version of 3 July 2024: the penalty is inside σ).

    Deviations: none.

    Example:
        >>> import torch
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Dpop(penalty=5)(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.8147451567, 0.3343487128, 0.0557247855]
    """

    beta: float = 0.1
    penalty: float = 50.0

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")
        if not self.penalty >= 0:
            raise InputValueError(f"penalty={self.penalty}", "a number of at least 0", "50 is the paper's")

    def _logit(self, pairs: PairLogps) -> Tensor:
        chosen, rejected = pairs.ratios()
        return self.beta * (chosen - rejected - self.penalty * (-chosen).clamp(min=0))

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        return softplus(-self._logit(pairs))

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        push = self.beta * torch.sigmoid(-self._logit(pairs))
        fell = (pairs.ratios()[0] < 0).to(push)
        return PairWeights(push * (1 + self.penalty * fell), push)
