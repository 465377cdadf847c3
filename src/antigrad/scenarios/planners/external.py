"""A planner of the user's own, in a process of its own.

The function gets three plain arrays and returns acceleration and curvature; it sees the present alone:

    import numpy as np

    def plan(ego, others, route):
        x, y, yaw, speed = ego  # m, m, rad, m/s
        turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
        ahead, aside = turn @ (others[:, :2] - [x, y]).T  # others: x, y, yaw, speed, length, width, kind
        blocked = (ahead > 0) & (ahead < 2 * speed + 5) & (np.abs(aside) < 2)
        nearest = np.hypot(*(route - [x, y]).T).argmin()  # route: x, y along the recorded path
        goal = turn @ (route[min(nearest + 10, len(route) - 1)] - [x, y])
        curvature = 2 * goal[1] / max(goal @ goal, 25.0)  # pure pursuit
        return (-6.0 if blocked.any() else 0.0), curvature  # m/s², 1/m
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.planners.planner import Around, Drive, Planner, logged
from antigrad.scenarios.planners.process import PlannerProcess
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class External(Planner):
    """A function `plan(ego, others, route) -> (acceleration, curvature)`, called at every step of a roll-out.

    `ego` is (4,): x, y, yaw, speed; `others` (K, 7): x, y, yaw, speed, length, width, kind of what is there now;
    `route` (P, 2): points of the recorded path. Metres, radians, seconds; kind 1 vehicle, 2 pedestrian, 3 cyclist, 0
    other.

    Args:
        target: `module:function`, importable from the working folder.
        deadline: s for one roll-out; the process is ended and the row marked if it takes longer.

    Raises:
        InputValueError: The target is not of that form, or the deadline not above 0.

    Sign: positive acceleration is forward, positive curvature turns left.

    Source: ours.

    Deviations: none.

    Example:
        >>> External("my_package.planner:plan", deadline=5.0).deadline
        5.0
    """

    target: str = ""
    deadline: float = 30.0
    process: PlannerProcess = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        module, _, function = self.target.partition(":")
        if not all(part.isidentifier() for part in [*module.split("."), function]):
            raise InputValueError(f"planner {self.target!r}", "module:function", "name an importable function")
        if not self.deadline > 0:
            raise InputValueError(f"deadline={self.deadline}", "seconds above 0", "30 is the default")
        object.__setattr__(self, "process", PlannerProcess(self.target, self.deadline))

    def problem(self) -> str | None:  # noqa: D102
        return self.process.problem()

    @torch.no_grad()
    def drive(self, view: View, prepared: tuple[Tensor, ...]) -> Drive:  # noqa: D102
        traffic, log, around = view.traffic, logged(view), Around.of(view)
        box = around.box
        facts = [box.x, box.y, torch.atan2(box.sin, box.cos), around.speed]
        facts += [(2 * size).expand_as(box.x) for size in (box.half_length, box.half_width)]
        facts.append(traffic.kind[..., None].expand_as(box.x).to(box.x))
        others = torch.stack(facts, -1).transpose(1, 2).double().numpy()
        there = around.present.transpose(1, 2).numpy()
        ego = torch.stack(tuple(log), -1).double().numpy()
        states, problems = np.array(ego), dict[int, str]()
        for row in range(len(traffic)):
            question: dict[str, Any] = {
                "start": ego[row, 0],
                "others": others[row],
                "there": there[row],
                "route": ego[row, :, :2],
                "dt": np.array(traffic.dt),
            }
            answer = self.process.ask(question)
            if isinstance(answer, str):
                problems[row] = answer
            else:
                states[row] = answer
        return Drive(States(*torch.from_numpy(states).to(log.x).unbind(-1)), problems)
