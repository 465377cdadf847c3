"""DPO with the rejected log-ratio times a factor: what DPO-Shift, MaPPO and VPO have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.objectives.pairs.loss import PairLogps, above_zero, softplus
from antigrad.objectives.pairs.margin import MarginLoss


@dataclass(frozen=True)
class ScaledRejected(MarginLoss):
    r"""The log-sigmoid of a margin in which the rejected log-ratio is scaled.

    $$\mathcal L=-\log\sigma(r),\qquad r=\beta\ell_w-\lambda\beta\ell_l,\qquad
    g_w=\beta\,\sigma(-r),\quad g_l=\lambda\,g_w$$

    The ratio of both pushes is exactly λ. The size of $g_l$ is not bounded by it: while $\ell_l<0$ a smaller λ keeps
    the pair from being done with, and $g_l$ grows as λ falls wherever $\lambda\beta|\ell_l|\,\sigma(r)>1$.
    """

    beta: float = 0.1

    def __post_init__(self) -> None:
        above_zero("beta", self.beta, "0.1 is usual")

    @abstractmethod
    def factors(self, pairs: PairLogps) -> Tensor:
        """Factor of each pair's rejected log-ratio.

        Args:
            pairs: B pairs.

        Returns:
            (B,) λ, without graph; 1 is DPO.
        """

    def scales(self, pairs: PairLogps) -> tuple[Tensor, Tensor]:  # noqa: D102
        return torch.ones_like(pairs.chosen), self.factors(pairs).to(pairs.chosen)

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        return softplus(-self.beta * margin)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        return self.beta * torch.sigmoid(-self.beta * margin)


def check_factors(factors: Tensor, *, above_one: bool = False, hint: str = "see the rule") -> Tensor:
    """Refuse factors that push the rejected response with a sign or a strength that was not asked for.

    Args:
        factors: (B,) λ.
        above_one: Whether more than DPO's push was asked for.
        hint: What to do.

    Returns:
        The same.

    Raises:
        InputValueError: A factor is not finite, is below 0, or above 1 without being asked for.
    """
    if not bool(factors.isfinite().all()) or bool((factors < 0).any()):
        raise InputValueError(f"factors {factors.tolist()[:8]}", "finite numbers of at least 0", hint)
    if not above_one and bool((factors > 1).any()):
        text = f"a factor of {float(factors.max()):g} on the rejected response"
        raise InputValueError(text, "at most 1: above it DPO diverges (DPO-Shift's 1.05 crashed)", "ask with above_one")
    return factors
