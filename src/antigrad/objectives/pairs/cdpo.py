"""DPO with smoothed labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import Vanishes, above_zero, below_half, softplus
from antigrad.objectives.pairs.margin import MarginLoss


@dataclass(frozen=True)
class Cdpo(MarginLoss):
    r"""cDPO: DPO with a share ε of labels taken to be flipped.

    $$\ell(h)=-(1-\epsilon)\log\sigma(\beta h)-\epsilon\log\sigma(-\beta h),\qquad
    c=\beta\,[(1-\epsilon)\,\sigma(-\beta h)-\epsilon\,\sigma(\beta h)]$$

    Args:
        beta: β, inverse temperature.
        label_smoothing: ε, from 0 (DPO) to below 0.5.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected) until βh is the log-odds of 1 − ε, and the
        reverse beyond.

    Source: Mitchell 2023, note on DPO with noisy preferences; `ContextualAI/HALOs`.

    Deviations: none.

    Example:
        >>> import torch
        >>> from antigrad.objectives import PairLogps
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Cdpo()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.6287553389, 0.0357602059, 0.0357602059]
    """

    steady: ClassVar[bool] = False
    vanishes: ClassVar[Vanishes] = "reverses"
    beta: float = 0.1
    label_smoothing: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")
        below_half("label_smoothing", self.label_smoothing)

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        logit, flipped = self.beta * margin, self.label_smoothing
        return (1 - flipped) * softplus(-logit) + flipped * softplus(logit)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        logit, flipped = self.beta * margin, self.label_smoothing
        return self.beta * ((1 - flipped) * torch.sigmoid(-logit) - flipped * torch.sigmoid(logit))
