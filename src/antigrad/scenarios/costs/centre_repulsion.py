"""Repulsion of movers from each other on the squared distance of the centres: the released one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.costs.gap_repulsion import mover_pairs
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class CentreRepulsion(Cost):
    r"""Minus the least squared distance of the centres of two movers, at most τ².

    $$C=-\min\big(\tau^2,\min_{i<j,t}\lVert p_{i,t}-p_{j,t}\rVert^2\big)$$

    Args:
        threshold: τ, m.

    Sign: minimising this drives movers apart once their centres are within τ: deep in each other.

    Source: Yin et al. 2024, arXiv 2409.07830, the released code.

    Deviations: none.

    Example:
        >>> CentreRepulsion().threshold, CentreRepulsion().part
        (1.25, 'anchor')
    """

    part = "anchor"
    unit = "m²"
    threshold: float = 1.25

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        one, two, both = mover_pairs(view)
        if not len(one):
            return Value(torch.zeros_like(constant), view.traffic.moving.new_zeros(len(view.traffic)))
        x, y = view.moved.x, view.moved.y
        with torch.no_grad():
            squared = (x[:, one] - x[:, two]).square_().add_((y[:, one] - y[:, two]).square_())
            place = squared.masked_fill_(~both, torch.inf).flatten(1).argmin(1)
        pair, step = place // both.shape[-1], place % both.shape[-1]
        row = torch.arange(len(place), device=place.device)
        first, second = (row, one[pair], step), (row, two[pair], step)
        least = (x[first] - x[second]).square() + (y[first] - y[second]).square()
        valid = both.flatten(1).any(1)
        return Value.where(valid, -least.clamp(max=self.threshold**2))
