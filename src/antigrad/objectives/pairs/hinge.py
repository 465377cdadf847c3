"""A hinge on the scaled margin."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.objectives.pairs.loss import above_zero
from antigrad.objectives.pairs.margin import MarginLoss


@dataclass(frozen=True)
class Hinge(MarginLoss):
    r"""Hinge: the pair is left alone once the scaled margin is 1.

    $$\ell(h)=\max(0,1-\beta h),\qquad c=\beta\,\mathbf 1[\beta h<1]$$

    Args:
        beta: β, inverse temperature.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected) until they are 1/β nats further apart
        than under the reference.

    Source: Liu et al. 2023, arXiv 2309.06657 (statistical rejection sampling), as TRL 1.16.0, `loss_type="hinge"`.

    Deviations: none.

    Example:
        >>> import torch
        >>> from antigrad.objectives import PairLogps
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Hinge()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.83, 0.1, 0.1]
    """

    beta: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        return (1 - self.beta * margin).clamp(min=0)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        return self.beta * (self.beta * margin < 1).to(margin)
