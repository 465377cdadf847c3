"""The negative gradient made weaker everywhere, without selection."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.credit.eta import Eta, check_eta, eta_of
from antigrad.credit.rule import CreditRule, Group


@dataclass(frozen=True)
class Blanket(CreditRule):
    r"""Every token of a wrong response is down-weighted by the same factor: NTHR with β = −∞.

    $$w_{i,k}=\hat A_i\,\big(\eta\,[i\text{ wrong}]+[i\text{ correct}]\big)$$

    In a group whose verdicts show no contrast, responses with a negative advantage are the wrong ones, and p is the
    share of those with a positive one.

    Args:
        eta: `balance`, `p`, `1-p` or a number from 0 to 1.

    Raises:
        InputValueError: `eta` is none of these.

    Sign: wrong responses are still pushed down, by a factor η less.

    Source: Deng et al. 2025, arXiv 2505.18830, Tab. 4 (β = −∞: worse than GRPO there).

    Deviations: none.

    Example:
        >>> import torch
        >>> mask = torch.ones(2, 1, dtype=torch.bool)
        >>> group = Group(torch.zeros(2, 1).long(), mask, torch.tensor([True, False]), torch.tensor([1.0, -1.0]))
        >>> Blanket(eta=0.25)(group).flatten().tolist()
        [1.0, -0.25]
    """

    eta: Eta = "balance"

    def __post_init__(self) -> None:
        check_eta(self.eta)

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        spread = group.spread()
        return torch.where(group.wrong_tokens() & (spread < 0), eta_of(self.eta, group.success_rate) * spread, spread)

    def weigh_unmixed(self, group: Group) -> Tensor:  # noqa: D102
        return self.weigh(group.by_advantage())
