"""Negative Token Hidden Reward: down-weight the wrong tokens that drag the right answers down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.credit.eta import Eta, check_eta, eta_of
from antigrad.credit.influence import Influence
from antigrad.credit.rule import CreditRule, Group

Anchor = Literal["inclusive", "others"]


@dataclass(frozen=True)
class Nthr(CreditRule):
    r"""NTHR: tokens of wrong responses whose score is above a threshold are down-weighted by η.

    $$w_{j,k}=\begin{cases}\eta\hat A_j&s_{j,k}>\tau,\ j\text{ wrong}\\\hat A_j&\text{else}\end{cases}
    \qquad\tau=\beta\min_{i\text{ correct}}\bar s_i$$

    In a group whose verdicts show no contrast nothing is correct, or nothing wrong: as the formula stands, nothing is
    selected. `GRPOTrainer` takes the signs of the advantages for verdicts there, if they have both.

    Args:
        beta: β, the threshold factor; 1 is the paper's, 0 its value for DeepSeek-R1-Distill-1.5B.
        eta: η: `balance` ($2|0.5-p|$, training), `p`, `1-p` or a number (0 in the paper's diagnosis).
        anchor: Whether $\bar s_i$ counts response i's influence on itself (`inclusive`) or on all
            `others` only.
        tau_floor: Smallest τ allowed; None leaves τ as the formula gives it. With `others` τ can be
            negative, and then tokens whose penalty helps are selected too.

    Raises:
        InputValueError: An option is out of range.

    Sign: selected tokens are pushed down less (not at all at η = 0); never up.

    Source: Deng et al. 2025, arXiv 2505.18830, Alg. 1, Eq. 7–8, App. 7.3; τ's self term as in
        `docs/papers.md`.

    Deviations: `anchor="others"` and `tau_floor` are ours. Which vocabulary the scores use is an option
        of `group_influence` (of the run), not of the rule: full and exact unless asked otherwise.

    Example:
        >>> from antigrad.credit import CREDIT
        >>> CREDIT.make("nthr(beta=0,anchor=others)")
        Nthr(beta=0, eta='balance', anchor='others', tau_floor=None)
    """

    needs_influence: ClassVar[bool] = True
    token_level: ClassVar[bool] = True
    beta: float = 1.0
    eta: Eta = "balance"
    anchor: Anchor = "inclusive"
    tau_floor: float | None = None

    def __post_init__(self) -> None:
        check_eta(self.eta)
        if self.anchor not in ("inclusive", "others"):
            raise InputValueError(f"anchor {self.anchor!r}", "inclusive or others", "inclusive is the default")
        if not isinstance(self.beta, int | float) or self.beta != self.beta:
            raise InputValueError(f"beta {self.beta}", "a number", "1 is the paper's")
        if self.tau_floor is not None and not (
            isinstance(self.tau_floor, int | float) and self.tau_floor < float("inf")
        ):
            raise InputValueError(
                f"tau_floor {self.tau_floor}", "a number or nothing", "0 keeps helpful penalties whole"
            )

    def threshold(self, influence: Influence) -> float:
        r"""Threshold $\tau=\beta\min_i\bar s_i$ over the correct responses.

        Args:
            influence: The group's scores.

        Returns:
            τ, in the unit of the scores; −∞ for β = −∞.
        """
        anchors = influence.anchor_inclusive if self.anchor == "inclusive" else influence.anchor_others
        return float(self.thresholds(anchors))

    def thresholds(self, anchors: Tensor) -> Tensor:
        r"""Thresholds $\tau$ of many groups at once.

        Args:
            anchors: (..., B) $\bar s_i$ of each response; NaN where it is not a correct one.

        Returns:
            (...) τ; ±∞ for an infinite β or a group without a correct response.
        """
        lowest = anchors.nan_to_num(nan=float("inf")).amin(-1)
        tau = torch.full_like(lowest, self.beta) if abs(self.beta) == float("inf") else self.beta * lowest
        return tau if self.tau_floor is None else tau.clamp(min=self.tau_floor)

    def select(self, group: Group) -> Tensor:
        """Mark the negative tokens to down-weight.

        Args:
            group: A mixed group with scores.

        Returns:
            (B, T) True on counted tokens of wrong responses with a score above τ.
        """
        influence = group.require_influence()
        return group.wrong_tokens() & (influence.scores > self.threshold(influence))

    def weigh(self, group: Group) -> Tensor:  # noqa: D102
        spread = group.spread()
        # With several rewards a wrong response may be above its group's mean; what pulls up is not down-weighted.
        return torch.where(self.select(group) & (spread < 0), eta_of(self.eta, group.success_rate) * spread, spread)
