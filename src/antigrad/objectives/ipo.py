"""Identity Preference Optimisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.objectives.pair import PairLoss


@dataclass(frozen=True)
class Ipo(PairLoss):
    r"""IPO: the squared distance of the margin to a target.

    $$\ell(h)=(h-m)^2,\qquad c=-2\,(h-m)$$

    Args:
        margin: m, the target in nats; $m=\frac1{2\beta}$ in the usual form, 10 in the bandits of Tajwar et al.

    Raises:
        InputValueError: m is not above 0.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected) until the margin is m, and the reverse beyond.

    Source: Azar et al. 2023, arXiv 2310.12036, Eq. 17.

    Deviations: the parameter is the target itself. TRL's `ipo` takes means over tokens: give it those.

    Example:
        >>> h = torch.tensor([0.15], dtype=torch.float64)  # log-ratios a token −0.1 and −0.25
        >>> round(Ipo(margin=5)(h, 0 * h, 0 * h, 0 * h).total().item(), 10)
        23.5225
    """

    margin: float = 10.0

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise InputValueError(f"margin={self.margin}", "a number of nats above 0", "1 / (2 β) of the usual form")

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        return torch.square(margin - self.margin)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        return -2 * (margin - self.margin)
