"""DPO with a likelihood term on the chosen response."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.objectives.pairs.dpo import Dpo
from antigrad.objectives.pairs.loss import PairLogps, PairLoss, PairWeights, above_zero


@dataclass(frozen=True)
class Rpo(PairLoss):
    r"""RPO (IRPO, DPO+NLL): DPO, and the mean negative log-likelihood of the chosen response.

    $$\mathcal L=-\log\sigma(\beta(\ell_w-\ell_l))-\frac\alpha{|y_w|}\log\pi(y_w),\qquad
    g_w=\beta\sigma(-\beta h)+\frac\alpha{|y_w|},\quad g_l=\beta\sigma(-\beta h)$$

    Args:
        beta: β, inverse temperature.
        alpha: α, weight of the likelihood term.

    Raises:
        InputValueError: An option is out of range.

    Sign: minimising it raises log π(chosen), more than it lowers log π(rejected).

    Source: Pang et al. 2024, arXiv 2404.19733; row RPO of VPO's Table 4. TRL spells it `sigmoid` + `sft`.

    Deviations: TRL's `sft` is a mean over all chosen tokens of a batch, ours the mean over pairs of means over tokens.

    Example:
        >>> import torch
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Rpo()(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [2.1117553389, 0.1707602059, 0.0457602059]
    """

    beta: float = 0.1
    alpha: float = 1.0

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")
        if not self.alpha >= 0:
            raise InputValueError(f"alpha={self.alpha}", "a number of at least 0", "1 is the paper's")

    def per_pair(self, pairs: PairLogps) -> Tensor:  # noqa: D102
        return Dpo(self.beta).per_pair(pairs) - self.alpha * pairs.chosen / pairs.lengths()[0]

    def weights(self, pairs: PairLogps) -> PairWeights:  # noqa: D102
        chosen, rejected = Dpo(self.beta).weights(pairs)
        return PairWeights(chosen + self.alpha / pairs.lengths()[0], rejected)
