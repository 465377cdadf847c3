"""Noise-contrastive alignment on pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, Vanishes, above_zero, softplus


@dataclass(frozen=True)
class Nca(PairLoss):
    r"""NCA: either response against the reference, not against each other.

    $$\mathcal L=-\log\sigma(\beta\ell_w)-\tfrac12\log\sigma(-\beta\ell_w)-\tfrac12\log\sigma(-\beta\ell_l)$$
    $$g_w=\beta[\sigma(-\beta\ell_w)-\tfrac12\sigma(\beta\ell_w)],\qquad g_l=\tfrac12\beta\,\sigma(\beta\ell_l)$$

    Args:
        beta: β, inverse temperature.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it lowers log π(rejected), and raises log π(chosen) until βℓ_w = log 2, and the reverse beyond.

    Source: Chen et al. 2024, arXiv 2402.05369, as TRL 1.16.0, `loss_type="nca_pair"`.

    Deviations: none.

    Example:
        >>> import torch
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Nca()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [1.3488901609, 0.027998401, 0.021891175]
    """

    steady: ClassVar[bool] = False
    vanishes: ClassVar[Vanishes] = "own"
    beta: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        up, down = (self.beta * ratio for ratio in pairs.ratios())
        return softplus(-up) + (softplus(up) + softplus(down)) / 2

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        up, down = (self.beta * ratio for ratio in pairs.ratios())
        chosen = torch.sigmoid(-up) - torch.sigmoid(up) / 2
        return PairWeights(self.beta * chosen, self.beta * torch.sigmoid(down) / 2)
