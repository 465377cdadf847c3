"""Kahneman-Tversky optimisation on both responses of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, Vanishes, above_zero


@dataclass(frozen=True)
class Kto(PairLoss):
    r"""KTO: each response against a running divergence, its value bounded on both sides.

    $$\mathcal L=w_+\,\sigma(\beta(z_0-\ell_w))+w_-\,\sigma(\beta(\ell_l-z_0))$$
    $$g_w=w_+\beta\,\sigma'(\beta(\ell_w-z_0)),\quad g_l=w_-\beta\,\sigma'(\beta(\ell_l-z_0)),\qquad
    \sigma'=\sigma(1-\sigma)$$

    Args:
        beta: β, inverse temperature.
        desirable_weight: w₊, of chosen responses.
        undesirable_weight: w₋, of rejected ones.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected); either stops far from z₀, on both sides.

    Source: Ethayarajh et al. 2024, arXiv 2402.01306, Eq. 8; TRL 1.16.0's `KTOTrainer`.

    Deviations: the paper takes responses one by one; a pair is one of either kind. z₀ = max(0, estimate of KL) is
        `PairLogps.baseline`: a loss keeps no state.

    Example:
        >>> import torch
        >>> sums = torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64)
        >>> golden = PairLogps(*sums, baseline=torch.zeros(()))
        >>> out = Kto()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.9578128393, 0.0249600426, 0.0246134083]
    """

    vanishes: ClassVar[Vanishes] = "own"
    beta: float = 0.1
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")
        above_zero("desirable_weight", self.desirable_weight, "1 is usual")
        above_zero("undesirable_weight", self.undesirable_weight, "1 is usual")

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        up, down = self._values(pairs)
        return self.desirable_weight * torch.sigmoid(-up) + self.undesirable_weight * torch.sigmoid(down)

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        up, down = (self.beta * torch.sigmoid(value) * torch.sigmoid(-value) for value in self._values(pairs))
        return PairWeights(self.desirable_weight * up, self.undesirable_weight * down)

    def _values(self, pairs: PairLogps) -> tuple[Tensor, Tensor]:
        chosen, rejected = pairs.ratios()
        shift = pairs.require("baseline")
        return self.beta * (chosen - shift), self.beta * (rejected - shift)
