"""Calibrated DPO: log-ratios drawn to fixed values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, Vanishes, above_zero, softplus


@dataclass(frozen=True)
class CalDpo(PairLoss):
    r"""Cal-DPO: DPO at β = 1, and the squared distance of both log-ratios to ±1/(2β).

    $$\mathcal L=-\log\sigma(h)+\tfrac12\Big(\ell_w-\frac1{2\beta}\Big)^2+\tfrac12\Big(\ell_l+\frac1{2\beta}\Big)^2$$
    $$g_w=\sigma(-h)-\ell_w+\frac1{2\beta},\qquad g_l=\sigma(-h)+\ell_l+\frac1{2\beta}$$

    Args:
        beta: β; only the targets are made of it.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) towards 1/(2β) nats above the reference and lowers
        log π(rejected) towards 1/(2β) below; beyond, the reverse.

    Source: Xiao et al. 2024, Cal-DPO, code `tengxiao1/Cal-DPO` (its β is 0.002).

    Deviations: none.

    Example:
        >>> import torch
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = CalDpo(beta=0.1)(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [20.1127860294, 5.9544652651, 2.6544652651]
    """

    steady: ClassVar[bool] = False
    vanishes: ClassVar[Vanishes] = "reverses"
    beta: float = 0.002

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.002 is the authors'")

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        chosen, rejected = pairs.ratios()
        target = 0.5 / self.beta
        return softplus(rejected - chosen) + ((chosen - target).square() + (rejected + target).square()) / 2

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        chosen, rejected = pairs.ratios()
        push, target = torch.sigmoid(rejected - chosen), 0.5 / self.beta
        return PairWeights(push - chosen + target, push + rejected + target)
