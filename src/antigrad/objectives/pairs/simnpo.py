"""NPO per token, without a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, Vanishes, above_zero, softplus


@dataclass(frozen=True)
class Simnpo(PairLoss):
    r"""SimNPO on rejected responses: NPO on mean log-probabilities.

    $$\mathcal L=-\frac2\beta\log\sigma\Big(-\frac\beta{|y_l|}\log\pi(y_l)-\beta\gamma\Big),\qquad
    g_w=0,\quad g_l=\frac2{|y_l|}\,\sigma\Big(\frac\beta{|y_l|}\log\pi(y_l)+\beta\gamma\Big)$$

    Args:
        beta: β, inverse temperature.
        gamma: γ, in nats per token.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it lowers log π(rejected), less and less as its mean per token falls below −γ.

    Source: Fan et al. 2024, arXiv 2410.07163, code `OPTML-Group/Unlearn-Simple` (which multiplies γ by β).

    Deviations: none.

    Example:
        >>> import torch
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Simnpo()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [5.48454e-05, 0.0, 2.46789e-05]
    """

    needs_reference: ClassVar[bool] = False
    vanishes: ClassVar[Vanishes] = "own"
    beta: float = 4.5
    gamma: float = 0.0

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "4.5 is the authors'")

    def _logit(self, pairs: PairLogps) -> Tensor:
        return self.beta * (pairs.rejected / pairs.lengths()[1] + self.gamma)

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        return 2 / self.beta * softplus(self._logit(pairs))

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        push = 2 / pairs.lengths()[1] * torch.sigmoid(self._logit(pairs))
        return PairWeights(torch.zeros_like(push), push)
