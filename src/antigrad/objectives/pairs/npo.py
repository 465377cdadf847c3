"""Negative Preference Optimisation on the rejected responses of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.npo import Npo
from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, Vanishes, above_zero


@dataclass(frozen=True)
class PairNpo(PairLoss):
    r"""NPO on rejected responses: DPO without the chosen one.

    $$\mathcal L=-\frac2\beta\log\sigma(-\beta\ell_l),\qquad g_w=0,\quad g_l=2\,\sigma(\beta\ell_l)$$

    Args:
        beta: β, inverse temperature.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it lowers log π(rejected), less and less as it falls below the reference.

    Source: Zhang et al. 2024, arXiv 2404.05868, Eq. 3.

    Deviations: none; `antigrad.objectives.Npo` is the same on a forget set.

    Example:
        >>> import torch
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = PairNpo()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [11.5187883976, 0.0, 0.8756469982]
    """

    vanishes: ClassVar[Vanishes] = "own"
    beta: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        return Npo(self.beta).losses(pairs.ratios()[1])

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        push = Npo(self.beta).pushes(pairs.ratios()[1])
        return PairWeights(torch.zeros_like(push), push)
