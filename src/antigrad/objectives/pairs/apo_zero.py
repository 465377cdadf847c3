"""Anchored preference optimisation, for a model worse than the chosen responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, Vanishes, above_zero


@dataclass(frozen=True)
class ApoZero(PairLoss):
    r"""APO-zero: the chosen response up, the rejected down, each against the reference and bounded.

    $$\mathcal L=1-\sigma(\beta\ell_w)+\sigma(\beta\ell_l),\qquad
    g_w=\beta\,\sigma(\beta\ell_w)\,\sigma(-\beta\ell_w),\quad g_l=\beta\,\sigma(\beta\ell_l)\,\sigma(-\beta\ell_l)$$

    Args:
        beta: β, inverse temperature.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected); either stops far from the reference,
        on both sides.

    Source: D'Oosterlinck et al. 2024, arXiv 2408.06266, Eq. 7, as TRL 1.16.0, `loss_type="apo_zero"`.

    Deviations: none.

    Example:
        >>> import torch
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = ApoZero()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.9578128393, 0.0249600426, 0.0246134083]
    """

    vanishes: ClassVar[Vanishes] = "own"
    beta: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        chosen, rejected = pairs.ratios()
        return torch.sigmoid(-self.beta * chosen) + torch.sigmoid(self.beta * rejected)

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        up, down = (self.beta * ratio for ratio in pairs.ratios())
        slopes = [self.beta * torch.sigmoid(logit) * torch.sigmoid(-logit) for logit in (up, down)]
        return PairWeights(*slopes)
