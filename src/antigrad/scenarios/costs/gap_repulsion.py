"""Repulsion of movers from each other on the signed gap: the paper's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.closest import FAR, nearest
from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.costs.king_attraction import king_box
from antigrad.scenarios.gap import corner_edge, gap
from antigrad.scenarios.traffic import View


def mover_pairs(view: View) -> tuple[Tensor, Tensor, Tensor]:
    """Every pair of movers of a row.

    Args:
        view: The rows.

    Returns:
        (P,) and (P,) numbers of the movers; (R, P, T) True where both are simulated.
    """
    one, two = torch.triu_indices(view.traffic.mover.shape[1], view.traffic.mover.shape[1], 1)
    return one, two, view.traffic.live[:, one] & view.traffic.live[:, two]


@dataclass(frozen=True)
class GapRepulsion(Cost):
    r"""Minus the least gap between two movers at any time, at most τ.

    $$C=-\min\big(\tau,\min_{i<j,t}g_{ij,t}\big)$$

    Args:
        threshold: τ, m.
        edges: KING's distance, from corners of fixed-size boxes to edges, in place of the signed gap.

    Sign: minimising this drives movers apart, until they are τ apart.

    Source: Yin et al. 2024, arXiv 2409.07830 (signed gap); Hanselmann et al. 2022, arXiv 2204.13683 (edges).

    Deviations: none; third objects are not avoided, as there.

    Example:
        >>> GapRepulsion().threshold, GapRepulsion().part
        (1.25, 'anchor')
    """

    part = "anchor"
    unit = "m"
    threshold: float = 1.25
    edges: bool = False

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        one, two, both = mover_pairs(view)
        valid = both.flatten(1).any(1)
        box = king_box(view.moved) if self.edges else view.moved
        distance = corner_edge if self.edges else gap
        with torch.no_grad():
            x, y, radius = box.x, box.y, box.radius[..., 0]
            apart = (x[:, one] - x[:, two]).square_().add_((y[:, one] - y[:, two]).square_())
            apart = apart.masked_fill_(~both, FAR**2).amin(-1).sqrt() - radius[:, one] - radius[:, two]
            row, pair = (apart < self.threshold).nonzero(as_tuple=True)  # The others are at τ, whatever they do.
        first, second = (box.map(lambda value, of=of: value[row, of[pair]]) for of in (one, two))
        least, _ = nearest(first, second, both[row, pair], distance)
        floor = torch.full_like(constant, self.threshold).scatter_reduce(0, row, least, "amin")
        return Value.where(valid, -floor)
