"""Identity Preference Optimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.objectives.pairs.loss import Vanishes, above_zero
from antigrad.objectives.pairs.margin import MarginLoss


@dataclass(frozen=True)
class Ipo(MarginLoss):
    r"""IPO: the squared distance of the margin to a target.

    $$\ell(h)=(h-m)^2,\qquad c=-2\,(h-m)$$

    Args:
        margin: m, the target in nats; $m=\frac1{2\beta}$ in the usual form, 10 in the bandits of Tajwar et al.
        per_token: Take means of the log-ratios over tokens, as TRL does by its authors' word; else sums, as printed.

    Raises:
        InputValueError: m is not above 0.

    Sign: minimising it raises log π(chosen) and lowers log π(rejected) until the margin is m, and the reverse beyond.

    Source: Azar et al. 2023, arXiv 2310.12036, Eq. 17; means over tokens: TRL 1.16.0, `loss_type="ipo"`.

    Deviations: the parameter is the target itself.

    Example:
        >>> import torch
        >>> from antigrad.objectives import PairLogps
        >>> golden = PairLogps(*torch.tensor([[-12], [-20], [-11.2], [-17.5], [8], [10]], dtype=torch.float64))
        >>> out = Ipo(margin=5, per_token=True)(golden)
        >>> [round(x.item(), 10) for x in (out.losses, *out.weights)]
        [23.5225, 1.2125, 0.97]
    """

    steady: ClassVar[bool] = False
    vanishes: ClassVar[Vanishes] = "reverses"
    margin: float = 10.0
    per_token: bool = False

    def __post_init__(self) -> None:
        above_zero("margin", self.margin, "1 / (2 β) of the usual form")

    def losses(self, margin: Tensor) -> Tensor:  # noqa: D102
        return torch.square(margin - self.margin)

    def pushes(self, margin: Tensor) -> Tensor:  # noqa: D102
        return -2 * (margin - self.margin)
