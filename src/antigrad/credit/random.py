"""The control of NTHR: as many wrong tokens down-weighted, but drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.credit.eta import eta_of
from antigrad.credit.nthr import Nthr
from antigrad.credit.rule import Group


@dataclass(frozen=True)
class RandomTokens(Nthr):
    r"""As many tokens of every wrong response as NTHR selects, but drawn at random, are down-weighted by η.

    $$w_{j,k}=\eta\hat A_j\text{ for }k\in\mathcal R_j,\ |\mathcal R_j|=|\mathcal V_j^-|$$

    Args:
        beta: As in NTHR, whose count of tokens is matched.
        eta: As in NTHR.
        anchor: As in NTHR.
        tau_floor: As in NTHR.

    Raises:
        InputValueError: An option is out of range.

    Sign: the drawn tokens are pushed down less, as in NTHR.

    Source: Deng et al. 2025, arXiv 2505.18830, Sec. 5.3 ("GRPO+Random").

    Deviations: none; drawn without replacement, from the group's seed.

    Example:
        >>> RandomTokens(anchor="others").needs_influence
        True
    """

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        counts, allowed = self.select(group).sum(-1), group.wrong_tokens()
        draw = torch.rand(allowed.shape, generator=torch.Generator().manual_seed(group.seed)).to(allowed.device)
        rank = torch.where(allowed, draw, 2.0).argsort(-1).argsort(-1)
        drawn, spread = allowed & (rank < counts[:, None]), group.spread()
        return torch.where(drawn & (spread < 0), eta_of(self.eta, group.success_rate) * spread, spread)
