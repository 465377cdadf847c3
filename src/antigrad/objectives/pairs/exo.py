"""Efficient exact optimisation on pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from antigrad.objectives.pairs.loss import Vanishes, above_zero, below_half
from antigrad.objectives.pairs.margin import MarginLoss


@dataclass(frozen=True)
class Exo(MarginLoss):
    r"""EXO: the divergence from the policy's preference to a smoothed label, mode-seeking.

    $$\ell(h)=q_w\log\frac{q_w}{1-\epsilon}+q_l\log\frac{q_l}\epsilon,\quad q_w=\sigma(\beta h)=1-q_l,\qquad
    c=-\beta\,q_wq_l\Big(\beta h-\log\frac{1-\epsilon}\epsilon\Big)$$

    Args:
        beta: β, inverse temperature.
        label_smoothing: ε, above 0 and below 0.5.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected) until βh is the log-odds of 1 − ε, and the
        reverse beyond; a pair that is far on the wrong side is hardly moved.

    Source: Ji et al. 2024, arXiv 2402.00856, Eq. 16, as TRL 1.16.0, `loss_type="exo_pair"`.

    Deviations: none.

    Example:
        >>> import torch
        >>> from antigrad.objectives import PairLogps
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Exo(label_smoothing=0.1)(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.4212673179, 0.0503162035, 0.0503162035]
    """

    steady: ClassVar[bool] = False
    vanishes: ClassVar[Vanishes] = "reverses"
    beta: float = 0.1
    label_smoothing: float = 1e-3

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")
        above_zero("label_smoothing", self.label_smoothing, "0.001 is usual")
        below_half("label_smoothing", self.label_smoothing)

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        logit = self.beta * margin
        up, down = logsigmoid(logit), logsigmoid(-logit)
        flipped = self.label_smoothing
        return up.exp() * (up - math.log1p(-flipped)) + down.exp() * (down - math.log(flipped))

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        logit, target = self.beta * margin, math.log1p(-self.label_smoothing) - math.log(self.label_smoothing)
        return -self.beta * torch.sigmoid(logit) * torch.sigmoid(-logit) * (logit - target)
