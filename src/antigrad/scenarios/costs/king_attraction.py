"""KING's attraction: the mean over time of the nearest corner-to-edge distance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.closest import FAR
from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.gap import Box, corner_edge
from antigrad.scenarios.traffic import View

LENGTH, WIDTH = 4.40, 1.80
"""m, KING's box of every car."""


def king_box(box: Box) -> Box:
    """Give boxes KING's one size.

    Args:
        box: Any.

    Returns:
        The same places, 4.40 m by 1.80 m.
    """
    one = torch.ones_like(box.half_length)
    return box._replace(half_length=one * LENGTH / 2, half_width=one * WIDTH / 2)


@dataclass(frozen=True)
class KingAttraction(Cost):
    r"""Mean over time of the distance of the nearest mover, from its corners to the ego's edges.

    $$C=\frac1T\sum_t\min_id(0,i,t)$$

    Sign: minimising this brings at each step the nearest mover to the ego.

    Source: Hanselmann et al. 2022, arXiv 2204.13683, the released code.

    Deviations: the mean is over steps with a valid mover.

    Example:
        >>> KingAttraction().part, KingAttraction().unit
        ('down', 'm')
    """

    part = "down"
    unit = "m"

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        distance = torch.where(view.live, corner_edge(king_box(view.moved), king_box(view.ego_box)), FAR)
        some = view.live.any(1)
        mean = torch.where(some, distance.amin(1), 0.0).sum(-1) / some.sum(-1).clamp(min=1)
        return Value.where(some.any(-1), mean, distance.amin(-1).argmin(1))
