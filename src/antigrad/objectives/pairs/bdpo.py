"""Bounded DPO: the rejected response as a mixture with the reference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, Vanishes, above_zero, softplus


@dataclass(frozen=True)
class Bdpo(PairLoss):
    r"""BDPO: the rejected likelihood is that of a mixture with the reference, which cannot vanish.

    $$\mathcal L=-\log\sigma(r),\quad r=\beta\ell_w-\beta\log(\lambda e^{\ell_l}+1-\lambda),\qquad
    g_w=\beta\sigma(-r),\quad g_l=g_w\,\sigma\Big(\ell_l+\log\frac\lambda{1-\lambda}\Big)$$

    Args:
        beta: β, inverse temperature.
        mixture: λ, share of the policy in the mixture; 1 is DPO.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected), the latter less and less as
        it falls below the reference.

    Source: BDPO 2025, arXiv 2506.12725.

    Deviations: the factor of $g_l$ is derived here.

    Example:
        >>> import torch
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Bdpo()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.702477433, 0.050464343, 0.0038281332]
    """

    vanishes: ClassVar[Vanishes] = "own"
    beta: float = 0.1
    mixture: float = 0.5

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")
        if not 0 < self.mixture <= 1:
            raise InputValueError(f"mixture={self.mixture}", "above 0 and at most 1", "0.5 is the paper's")

    def _odds(self) -> tuple[float, float]:
        rest = 1 - self.mixture
        return math.log(self.mixture), math.log(rest) if rest else -math.inf

    def _logit(self, pairs: PairLogps) -> Tensor:
        chosen, rejected = pairs.ratios()
        share, rest = self._odds()
        mixed = torch.logaddexp(rejected + share, torch.full_like(rejected, rest))
        return self.beta * (chosen - mixed)

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        return softplus(-self._logit(pairs))

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        push = self.beta * torch.sigmoid(-self._logit(pairs))
        share, rest = self._odds()
        return PairWeights(push, push * torch.sigmoid(pairs.ratios()[1] + share - rest))
