"""DPO made unbiased under flipped labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import Vanishes, above_zero, below_half, softplus
from antigrad.objectives.pairs.margin import MarginLoss


@dataclass(frozen=True)
class Robust(MarginLoss):
    r"""Robust DPO: an unbiased estimate of DPO where a share ε of labels is flipped.

    $$\ell(h)=\frac{-(1-\epsilon)\log\sigma(\beta h)+\epsilon\log\sigma(-\beta h)}{1-2\epsilon},\qquad
    c=\beta\,\frac{(1-\epsilon)\,\sigma(-\beta h)+\epsilon\,\sigma(\beta h)}{1-2\epsilon}$$

    Args:
        beta: β, inverse temperature.
        label_smoothing: ε, from 0 (DPO) to below 0.5.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected) without end: c never falls below βε/(1 − 2ε).

    Source: Chowdhury et al. 2024, arXiv 2403.00409, as TRL 1.16.0, `loss_type="robust"`.

    Deviations: none.

    Example:
        >>> import torch
        >>> from antigrad.objectives import PairLogps
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Robust()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.5905053389, 0.0582602059, 0.0582602059]
    """

    vanishes: ClassVar[Vanishes] = "never"
    beta: float = 0.1
    label_smoothing: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")
        below_half("label_smoothing", self.label_smoothing)

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        logit, flipped = self.beta * margin, self.label_smoothing
        return ((1 - flipped) * softplus(-logit) - flipped * softplus(logit)) / (1 - 2 * flipped)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        logit, flipped = self.beta * margin, self.label_smoothing
        kept = (1 - flipped) * torch.sigmoid(-logit) + flipped * torch.sigmoid(logit)
        return self.beta * kept / (1 - 2 * flipped)
