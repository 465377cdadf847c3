"""The control of NTHR: as many wrong tokens weakened, but drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.credit.eta import Eta, eta_of
from antigrad.credit.nthr import Anchor, Nthr
from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class RandomTokens(CreditRule):
    r"""As many tokens of every wrong response as NTHR selects, but drawn at random, are weakened by η.

    $$w_{j,k}=\eta\hat A_j\text{ for }k\in\mathcal R_j,\ |\mathcal R_j|=|\mathcal V_j^-|$$

    Args:
        beta: β of the NTHR whose count is matched.
        eta: η, as in NTHR.
        anchor: Anchor of the NTHR whose count is matched.
        tau_floor: Smallest τ of the NTHR whose count is matched.

    Raises:
        InputValueError: An option is out of range.

    Sign: the drawn tokens are pushed down less, as in NTHR.

    Source: Deng et al. 2025, arXiv 2505.18830, Sec. 5.3 ("GRPO+Random").

    Deviations: none; drawn without replacement, from the group's seed.

    Example:
        >>> RandomTokens(anchor="others").needs_influence
        True
    """

    needs_influence: ClassVar[bool] = True
    beta: float = 1.0
    eta: Eta = "balance"
    anchor: Anchor = "inclusive"
    tau_floor: float | None = None

    def __post_init__(self) -> None:
        self._matched()

    def _matched(self) -> Nthr:
        return Nthr(self.beta, self.eta, self.anchor, self.tau_floor)

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        counts, allowed = self._matched().select(group).sum(-1), group.wrong_tokens()
        draw = torch.rand(allowed.shape, generator=torch.Generator().manual_seed(group.seed)).to(allowed.device)
        rank = torch.where(allowed, draw, 2.0).argsort(-1).argsort(-1)
        drawn, spread = allowed & (rank < counts[:, None]), group.spread()
        return torch.where(drawn, eta_of(self.eta, group.success_rate) * spread, spread)
