"""Binary classifier optimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, Vanishes, above_zero, softplus


@dataclass(frozen=True)
class Bco(PairLoss):
    r"""BCO: each response classified alone, its reward less a running mean.

    $$\mathcal L=-\log\sigma(\beta\ell_w-\delta)-\log\sigma(\delta-\beta\ell_l),\qquad
    g_w=\beta\,\sigma(\delta-\beta\ell_w),\quad g_l=\beta\,\sigma(\beta\ell_l-\delta)$$

    Args:
        beta: β, inverse temperature.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected), either less and less as it passes δ.

    Source: Jung et al. 2024, arXiv 2404.04656; TRL 1.16.0's `bco_pair` is δ = 0.

    Deviations: δ, the running mean of βℓ over both responses, is `PairLogps.baseline`: a loss keeps no state.

    Example:
        >>> import torch
        >>> sums = torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64)
        >>> golden = PairLogps(*sums, baseline=torch.zeros(()))
        >>> out = Bco()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [1.3098863872, 0.051998934, 0.0437823499]
    """

    vanishes: ClassVar[Vanishes] = "own"
    beta: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        up, down = self._rewards(pairs)
        return softplus(-up) + softplus(down)

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        up, down = self._rewards(pairs)
        return PairWeights(self.beta * torch.sigmoid(-up), self.beta * torch.sigmoid(down))

    def _rewards(self, pairs: PairLogps) -> tuple[Tensor, Tensor]:
        chosen, rejected = pairs.ratios()
        shift = pairs.require("baseline")
        return self.beta * chosen - shift, self.beta * rejected - shift
