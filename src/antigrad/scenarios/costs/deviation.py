"""Distance from the record."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class Deviation(Cost):
    r"""Mean squared distance of the movers from where they were before the attack.

    $$C=\sum_i\frac1{|V_i|}\sum_{t\in V_i}\lVert p_{i,t}-p^{log}_{i,t}\rVert^2$$

    Sign: minimising this keeps movers near their record; an untouched scene costs 0.

    Source: ours, a plausibility prior that is off by default.

    Deviations: measured from what the vehicle model reaches with the log's actions.

    Example:
        >>> Deviation().part, Deviation().unit
        ('anchor', 'm²')
    """

    part = "anchor"
    unit = "m²"

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        live = view.traffic.live
        squared = (view.states.x - view.traffic.driven.x).square() + (view.states.y - view.traffic.driven.y).square()
        mean = torch.where(live, squared, 0.0).sum(-1) / live.sum(-1).clamp(min=1)
        return Value.where(live.flatten(1).any(1), mean.sum(1))
