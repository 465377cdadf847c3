"""Early warning: the attack shows some time before contact, so that the danger can be avoided."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.closest import FAR
from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.gap import gap
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class WarningTime(Cost):
    r"""What the striker's deviation lacks to be visible some time before the closest approach.

    $$C=\Big[\delta-\lVert p_{i,t_c-L}-p^{log}_{i,t_c-L}\rVert\Big]_+,\qquad (i,t_c)=\mathrm{argmin}_{i,t}g_{0i,t}$$

    Args:
        lead: L, s before the closest approach.
        visible: δ, m of deviation that counts as visible; the certificate's is 0.5.

    Raises:
        InputValueError: An option is not above 0.

    Sign: minimising this makes the striker show itself earlier, which leaves the ego time to answer.

    Source: ours; opt-in, to look for danger that could have been avoided.

    Deviations: none.

    Example:
        >>> WarningTime(lead=2.0).part
        'anchor'
    """

    part = "anchor"
    unit = "m"
    lead: float = 1.5
    visible: float = 0.5

    def __post_init__(self) -> None:
        if not (self.lead > 0 and self.visible > 0):
            raise InputValueError(f"lead={self.lead}, visible={self.visible}", "above 0", "1.5 s and 0.5 m are usual")

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        traffic = view.traffic
        with torch.no_grad():
            place = torch.where(view.live, gap(view.moved, view.ego_box), FAR).flatten(1).argmin(1)
            number, step = place // traffic.steps, place % traffic.steps
            row = torch.arange(len(traffic), device=place.device)
            first = traffic.live[row, number].int().argmax(-1)
            before = torch.maximum(step - round(self.lead / traffic.dt), first + 1).clamp(max=traffic.steps - 1)
            before = torch.minimum(before, step)
        at = (row, number, before)
        squared = (view.states.x[at] - traffic.driven.x[at]).square() + (
            view.states.y[at] - traffic.driven.y[at]
        ).square()
        # Not the bare root: its derivative at an untouched log is infinite.
        distance = (squared + 1e-4).sqrt() - 1e-2
        return Value.where(view.live.flatten(1).any(1), (self.visible - distance).clamp(min=0))
