"""DiscoPOP: a loss that a language model wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from antigrad.objectives.pairs.loss import above_zero, softplus
from antigrad.objectives.pairs.margin import MarginLoss


@dataclass(frozen=True)
class Discopop(MarginLoss):
    r"""DiscoPOP: a blend of the log-sigmoid and the exponential of the margin.

    $$\ell(h)=(1-m)\log(1+e^{-u})+m\,e^{-u},\qquad u=\beta h,\quad m=\sigma(u/\tau)$$
    $$c=\beta\Big[(1-m)\,\sigma(-u)+m\,e^{-u}-\frac{m(1-m)}\tau\big(e^{-u}-\log(1+e^{-u})\big)\Big]$$

    Args:
        beta: β, inverse temperature.
        tau: τ, width of the blend.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected), except near h = 0 for a small τ: at
        τ = 0.05 a pair that stands as in the reference is driven the other way, c = −0.78 β.

    Source: Lu et al. 2024, arXiv 2406.08414, Eq. 5, as TRL 1.16.0, `loss_type="discopop"`.

    Deviations: none.

    Example:
        >>> import torch
        >>> from antigrad.objectives import PairLogps
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Discopop()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.8361751922, 0.0686241871, 0.0686241871]
    """

    steady: ClassVar[bool] = False
    beta: float = 0.1
    tau: float = 0.05

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")
        above_zero("tau", self.tau, "0.05 is the paper's")

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        logit = self.beta * margin
        # m exp(-u) as one exponential: far on the wrong side m is 0 and exp(-u) overflows.
        return torch.sigmoid(-logit / self.tau) * softplus(-logit) + (logsigmoid(logit / self.tau) - logit).exp()

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        logit = self.beta * margin
        share, rest = torch.sigmoid(logit / self.tau), torch.sigmoid(-logit / self.tau)
        blended = (logsigmoid(logit / self.tau) - logit).exp()
        turn = rest / self.tau * (blended - share * softplus(-logit))
        return self.beta * (rest * torch.sigmoid(-logit) + blended - turn)
