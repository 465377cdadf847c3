"""Sequence Likelihood Calibration: a hinge on the log-ratio of chosen to rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.objectives.pairs.loss import PairLogps, PairWeights, above_zero
from antigrad.objectives.pairs.margin import MarginLoss


@dataclass(frozen=True)
class Slic(MarginLoss):
    r"""SLiC: a hinge without a reference.

    $$\ell(h)=\max(0,\delta-h),\qquad h=\log\frac{\pi_w}{\pi_l},\qquad c=\mathbf 1[h<\delta]$$

    and, where ν > 0, $-\frac\nu{|y_w|}\log\pi_w$ beside it.

    Args:
        delta: δ, the margin in nats from which a pair is left alone.
        nll: ν, weight of the mean negative log-likelihood of the chosen response; 0 leaves it out.

    Raises:
        InputValueError: δ is not above 0, or ν below 0.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected) until they are δ apart.

    Source: Zhao et al. 2023, arXiv 2305.10425, Eq. 3; the likelihood term as in `ContextualAI/HALOs`.

    Deviations: the likelihood term is on the chosen response, where the paper has a target of its own.

    Example:
        >>> import torch
        >>> pairs = PairLogps(torch.tensor([-12.0]), torch.tensor([-12.25]))
        >>> Slic(delta=1.0)(pairs).losses.item()
        0.75
    """

    needs_reference: ClassVar[bool] = False
    delta: float = 1.0
    nll: float = 0.0

    def __post_init__(self) -> None:
        above_zero("delta", self.delta, "1 is usual")
        if not self.nll >= 0:
            raise InputValueError(f"nll={self.nll}", "a number of at least 0", "0.1 is usual")

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        return (self.delta - margin).clamp(min=0)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        return (margin < self.delta).to(margin)

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        hinge = super().per_pair(pairs)
        return hinge - self.nll * pairs.chosen / pairs.lengths()[0] if self.nll else hinge

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        chosen, rejected = super().weights(pairs)
        return (
            PairWeights(chosen + self.nll / pairs.lengths()[0], rejected) if self.nll else PairWeights(chosen, rejected)
        )
