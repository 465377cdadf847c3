"""Avoidable danger: the attack shows some time before the ego can no longer stop, so that it could still answer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.closest import FAR
from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.dynamics import MAX_ACCELERATION, States
from antigrad.scenarios.gap import gap
from antigrad.scenarios.traffic import View


def point_of_no_return(ego: States, contact: Tensor, brake: float) -> Tensor:
    r"""Last state from which full braking still stops the ego on its own path, short of where it is at a step.

    $$t_p=\max\Big\{t\le t_c:\ s_{t_c}-s_t\ge\frac{v_t^2}{2b}\Big\}$$

    Args:
        ego: (R, T), without a graph.
        contact: (R,) the step t_c.
        brake: b, m/s².

    Returns:
        (R,) the state; 0 where there is none.

    Example:
        >>> x = torch.arange(0.0, 40.0, 1.0)[None]  # 10 m/s: 8.33 m to stop
        >>> point_of_no_return(States(x, 0 * x, 0 * x, 0 * x + 10), torch.tensor([20]), 6.0).tolist()
        [11]
    """
    step = torch.hypot(ego.x.diff(dim=1), ego.y.diff(dim=1))
    arc = torch.cat([torch.zeros_like(step[:, :1]), step.cumsum(1)], 1)
    room = arc.gather(1, contact[:, None]) - arc
    time = torch.arange(arc.shape[1], device=arc.device)
    stops = (room >= ego.speed.square() / (2 * brake)) & (time <= contact[:, None])
    return torch.where(stops, time, 0).amax(1)


@dataclass(frozen=True)
class WarningTime(Cost):
    r"""What the striker's deviation lacks to be visible a lead before the ego's point of no return.

    $$C=\Big[\delta-\lVert p_{i,t_p-L}-p^{log}_{i,t_p-L}\rVert\Big]_+,\qquad (i,t_c)=\mathrm{argmin}_{i,t}g_{0i,t}$$

    with t_p the last state from which braking at b still stops the ego short of where it is at t_c.

    Args:
        lead: L, s before the point of no return; 0.5 is the reaction time of the certificate.
        visible: δ, m of deviation that counts as visible; the certificate's is 0.5.
        brake: b, m/s²; the hardest braking of the certificate's escapes.

    Raises:
        InputValueError: An option is not above 0.

    Sign: minimising this makes the striker show itself earlier, which leaves the ego time to answer.

    Source: ours; opt-in, to look for danger that could have been avoided.

    Deviations: the point of no return is that of braking alone, on the path that the ego drives now, and carries no
        gradient; the certificate's also knows swerving.

    Example:
        >>> WarningTime(lead=1.0).part
        'anchor'
    """

    part = "anchor"
    unit = "m"
    lead: float = 0.5
    visible: float = 0.5
    brake: float = MAX_ACCELERATION

    def __post_init__(self) -> None:
        if not min(self.lead, self.visible, self.brake) > 0:
            raise InputValueError(
                f"lead={self.lead}, visible={self.visible}, brake={self.brake}",
                "above 0",
                "0.5 s, 0.5 m and 6 m/s² are usual",
            )

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        traffic = view.traffic
        with torch.no_grad():
            place = torch.where(view.live, gap(view.moved, view.ego_box), FAR).flatten(1).argmin(1)
            number, step = place // traffic.steps, place % traffic.steps
            row = torch.arange(len(traffic), device=place.device)
            first = traffic.live[row, number].int().argmax(-1)
            last = point_of_no_return(view.ego, step, self.brake) - round(self.lead / traffic.dt)
            before = torch.minimum(torch.maximum(last, first + 1), step)  # Not before it can have left its record.
        at = (row, number, before)
        squared = (view.states.x[at] - traffic.driven.x[at]).square() + (
            view.states.y[at] - traffic.driven.y[at]
        ).square()
        # Not the bare root: its derivative at an untouched log is infinite.
        distance = (squared + 1e-4).sqrt() - 1e-2
        return Value.where(view.live.flatten(1).any(1), (self.visible - distance).clamp(min=0))
