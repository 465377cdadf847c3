"""DPO with a factor on the rejected response that a rule has decided."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.objectives.pairs.loss import PairLogps
from antigrad.objectives.pairs.scaled_rejected import ScaledRejected, check_factors


@dataclass(frozen=True)
class Scaled(ScaledRejected):
    r"""DPO with the rejected log-ratio times a given factor, one per pair.

    $$\mathcal L=-\log\sigma(\beta\ell_w-\lambda\beta\ell_l),\qquad g_w=\beta\,\sigma(-r),\quad g_l=\lambda\,g_w$$

    Args:
        beta: β, inverse temperature.
        above_one: Take factors above 1 too.

    Raises:
        InputValueError: β is not above 0; later, a factor is out of range.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected), the latter λ times as strongly.

    Source: the form of Yang et al. 2025 (DPO-Shift), arXiv 2502.07599, Eq. 3, with λ from a rule of
        `antigrad.credit.pairs`.

    Deviations: none.

    Example:
        >>> import torch
        >>> sums = torch.tensor([[-12], [-20], [-11.2], [-17.5]], dtype=torch.float64)
        >>> golden = PairLogps(*sums, factor=torch.tensor([0.95], dtype=torch.float64))
        >>> out = Scaled()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [0.6174947622, 0.0460706194, 0.0437670884]
    """

    above_one: bool = False

    def factors(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        return check_factors(pairs.require("factor"), above_one=self.above_one)
