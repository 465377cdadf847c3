"""DPO-Shift: one factor on every rejected response."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps
from antigrad.objectives.pairs.scaled_rejected import ScaledRejected, check_factors


@dataclass(frozen=True)
class DpoShift(ScaledRejected):
    r"""DPO-Shift: DPO with the rejected log-ratio times one fixed factor.

    $$\mathcal L=-\log\sigma(\beta\ell_w-\lambda\beta\ell_l),\qquad g_w=\beta\,\sigma(-r),\quad g_l=\lambda\,g_w$$

    Args:
        beta: β, inverse temperature.
        factor: λ; 1 is DPO, 0 leaves the rejected response out.
        above_one: Take a factor above 1 too.

    Raises:
        InputValueError: β is not above 0, or λ is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected), the latter λ times as strongly.

    Source: Yang et al. 2025, arXiv 2502.07599, Eq. 3 (λ = 0.95 suggested). A schedule of λ is a rule of
        `antigrad.credit.pairs`.

    Deviations: none.

    Example:
        >>> import torch
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5]], dtype=torch.float64))
        >>> out = DpoShift()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.6174947622, 0.0460706194, 0.0437670884]
    """

    factor: float = 0.95
    above_one: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_factors(torch.tensor([float(self.factor)]), above_one=self.above_one, hint="0.95 is the paper's")

    def factors(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        return torch.full_like(pairs.chosen, self.factor)
