"""Everyone steers half as fast."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.steering.steering import Steering
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class HalfSteer(Steering):
    """The update of the curvature of every mover, times a factor.

    Args:
        factor: Of the update.

    Raises:
        InputValueError: The factor is negative.

    Sign: a factor below 1 slows steering, not braking.

    Source: Yin et al. 2024, arXiv 2409.07830, the released code; the paper does not mention it.

    Deviations: none.

    Example:
        >>> HalfSteer().factor
        0.5
    """

    masks = True
    factor: float = 0.5

    def __post_init__(self) -> None:
        if not self.factor >= 0:
            raise InputValueError(f"factor={self.factor}", "at least 0", "0.5 is the released code's")

    def scale(self, view: View) -> Tensor:  # noqa: D102
        one = view.states.x.new_ones(view.states.x.shape[:2])
        return torch.stack([one, self.factor * one])
