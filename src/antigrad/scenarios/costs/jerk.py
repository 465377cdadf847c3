"""Change of acceleration."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class Jerk(Cost):
    r"""Mean squared change of acceleration over time.

    $$C=\sum_i\frac1{|V_i|}\sum_t\Big(\frac{\dot v_{t+1}-\dot v_t}{\Delta t}\Big)^2,\qquad
    \dot v_t=\frac{v_{t+1}-v_t}{\Delta t}$$

    Sign: minimising this makes driving smoother.

    Source: ours, a comfort prior that is off by default.

    Deviations: none.

    Example:
        >>> Jerk().part, Jerk().unit
        ('anchor', 'm²/s⁶')
    """

    part = "anchor"
    unit = "m²/s⁶"

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        mask = view.traffic.log.mask
        both = mask[..., 1:] & mask[..., :-1]
        jerk = view.states.speed.diff(n=2, dim=-1) / view.traffic.dt**2
        mean = torch.where(both, jerk.square(), 0.0).sum(-1) / both.sum(-1).clamp(min=1)
        return Value.where(both.flatten(1).any(1), mean.sum(1))
