"""Self-play preference optimisation with hard labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, Vanishes, above_zero


@dataclass(frozen=True)
class Sppo(PairLoss):
    r"""SPPO-hard: the squared distance of both log-ratios to ±1/(2β).

    $$\mathcal L=\Big(\ell_w-\frac1{2\beta}\Big)^2+\Big(\ell_l+\frac1{2\beta}\Big)^2,\qquad
    g_w=\frac1\beta-2\ell_w,\quad g_l=\frac1\beta+2\ell_l$$

    Args:
        beta: β; the targets are 1/(2β) nats from the reference.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected) towards their targets; beyond, the reverse.

    Source: Wu et al. 2024, arXiv 2405.00675, Eq. 4.7 with P = 1 and 0, as TRL 1.16.0, `loss_type="sppo_hard"`.

    Deviations: none.

    Example:
        >>> import torch
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Sppo()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [39.89, 11.6, 5.0]
    """

    steady: ClassVar[bool] = False
    vanishes: ClassVar[Vanishes] = "reverses"
    beta: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        chosen, rejected = pairs.ratios()
        target = 0.5 / self.beta
        return (chosen - target).square() + (rejected + target).square()

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        chosen, rejected = pairs.ratios()
        return PairWeights(1 / self.beta - 2 * chosen, 1 / self.beta + 2 * rejected)
