"""MaPPO: the factor is what a reward model says of a pair."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps
from antigrad.objectives.pairs.scaled_rejected import ScaledRejected, check_factors


@dataclass(frozen=True)
class Mappo(ScaledRejected):
    r"""MaPPO: DPO with the rejected log-ratio times the gap of a reward model.

    $$\mathcal L=-\log\sigma(\beta\ell_w-\Delta_r\beta\ell_l),\qquad\Delta_r=r_w-r_l\in[0,1],\qquad g_l=\Delta_r\,g_w$$

    Args:
        beta: β, inverse temperature.

    Raises:
        InputValueError: β is not above 0; later, a gap is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected), the latter less where rewards are close.

    Source: Lan et al. 2025, arXiv 2507.21183, Eq. 8.

    Deviations: none.

    Example:
        >>> import torch
        >>> sums = torch.tensor([[-12], [-20], [-11.2], [-17.5]], dtype=torch.float64)
        >>> golden = PairLogps(*sums, reward_gap=torch.tensor([0.95], dtype=torch.float64))
        >>> round(Mappo()(golden).losses.item(), 10)
        0.6174947622
    """

    def factors(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        return check_factors(pairs.require("reward_gap"), hint="scale rewards so that their gaps are from 0 to 1")
