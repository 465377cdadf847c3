"""Intelligent driver model on the recorded path."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.gap import Box
from antigrad.scenarios.planners.path import Path
from antigrad.scenarios.planners.planner import Around, Drive, Planner, logged
from antigrad.scenarios.traffic import Traffic, View

REACH = 160
"""m of path, sampled every metre, on which a leader is looked for."""
FREE = 1e3
"""m; no leader."""


@dataclass(frozen=True)
class Idm(Planner):
    r"""Intelligent driver model along the recorded path.

    $$\dot v=a\Big(1-\big(\tfrac v{v_0}\big)^4-\big(\tfrac{s^\ast}{s}\big)^2\Big),\qquad
    s^\ast=s_0+\Big[Tv+\frac{v(v-v_l)}{2\sqrt{ab}}\Big]_+$$

    v₀ is the highest recorded speed; the leader is the object ahead whose centre is nearer to the path than the half
    widths and 0.2 m, with the least gap s.

    Args:
        headway: T, s.
        gap: s₀, m.
        acceleration: a, m/s².
        deceleration: b, m/s².
        floor: m/s², hardest braking.

    Raises:
        InputValueError: A number is not above 0.

    Sign: positive is forward.

    Source: Treiber, Hennecke, Helbing 2000, arXiv cond-mat/0002177.

    Deviations: braking is bounded; v₀ is at least 3 m/s. It can't steer.

    Example:
        >>> Idm().headway, Idm().floor
        (1.5, 6.0)
    """

    headway: float = 1.5
    gap: float = 2.0
    acceleration: float = 2.0
    deceleration: float = 4.0
    floor: float = 6.0

    def __post_init__(self) -> None:
        if min(self.headway, self.gap, self.acceleration, self.deceleration, self.floor) <= 0:
            raise InputValueError(f"{self}", "numbers above 0", "the defaults are usual")

    @torch.no_grad()
    def prepare(self, traffic: Traffic) -> tuple[Tensor, ...]:
        """Place of every recorded object on the path.

        Args:
            traffic: The rows.

        Returns:
            Arc, distance and heading difference, (R, A, T) each.
        """
        path = Path.of(traffic.ego_log)
        first = torch.ones_like(traffic.scene, dtype=torch.bool)
        first[1:] = traffic.scene.diff() != 0  # Rows of one scene see the same objects.
        pieces = [
            torch.stack(_project(_sampled(path, rows), traffic.others.map(lambda value, rows=rows: value[rows])), 1)
            for rows in first.nonzero()[:, 0].split(8)
        ]
        return (torch.cat(pieces)[first.cumsum(0) - 1],) if pieces else (traffic.others.x.new_zeros(0, 3, 0, 0),)

    @torch.no_grad()
    def drive(self, view: View, prepared: tuple[Tensor, ...]) -> Drive:  # noqa: D102
        traffic = view.traffic
        around, path = Around.of(view), Path.of(logged(view))
        ahead, aside, turn = (value.clone() for value in prepared[0].unbind(1))
        row, number = traffic.moving.nonzero(as_tuple=True)
        now = _project(_sampled(path, slice(None)), view.moved.map(lambda value: value.detach()))
        for value, new in zip((ahead, aside, turn), now, strict=True):
            value[row, traffic.mover[row, number]] = new[row, number]
        cos, sin = turn.cos(), turn.sin().abs()
        box, own = around.box, traffic.ego_size[:, None, None] / 2
        side = box.half_width * cos.abs() + box.half_length * sin + own[..., 1]
        ahead = ahead - box.half_length * cos.abs() - box.half_width * sin - own[..., 0]  # Where its near end is.
        near = around.present & (aside < side + 0.2)
        centre = ahead + box.half_length * cos.abs() + box.half_width * sin + own[..., 0]
        ahead, centre = torch.where(near, ahead, torch.inf), torch.where(near, centre, -torch.inf)
        follow, speed = around.speed * cos, logged(view).speed
        want = speed.amax(1).clamp(min=3.0)
        s, v = torch.zeros_like(want), speed[:, 0].clamp(min=0)
        arcs, speeds = [s], [v]
        root = 2 * math.sqrt(self.acceleration * self.deceleration)
        for t in range(traffic.steps - 1):
            room = torch.where(centre[:, :, t] > s[:, None], ahead[:, :, t] - s[:, None], FREE).clamp(max=FREE)
            least, leader = room.min(1) if room.shape[1] else (torch.full_like(s, FREE), torch.zeros_like(s).long())
            lead = follow[:, :, t].gather(1, leader[:, None])[:, 0] if room.shape[1] else s
            wanted = self.gap + (self.headway * v + v * (v - lead) / root).clamp(min=0)
            press = torch.where(least < FREE, (wanted / least.clamp(min=0.1)).square(), 0.0)
            a = (self.acceleration * (1 - (v / want) ** 4 - press)).clamp(-self.floor, self.acceleration)
            after = (v + a * traffic.dt).clamp(min=0)
            s, v = s + 0.5 * (v + after) * traffic.dt, after
            arcs.append(s)
            speeds.append(v)
        x, y, yaw = path.at(torch.stack(arcs, 1))
        return Drive(States(x, y, yaw, torch.stack(speeds, 1)))


def _sampled(path: Path, rows: Tensor | slice) -> tuple[Tensor, Tensor, Tensor]:
    some = Path(path.states.take(rows), path.arc[rows])
    arc = torch.arange(REACH, device=path.arc.device).to(path.arc)
    return some.at(arc.expand(len(some.arc), REACH).contiguous())


def _project(path: tuple[Tensor, Tensor, Tensor], box: Box) -> tuple[Tensor, Tensor, Tensor]:
    # Arc, distance and heading difference of objects at the sample of the path nearest to them.
    px, py, heading = path
    squared = (box.x[..., None] - px[:, None, None]).square_().add_((box.y[..., None] - py[:, None, None]).square_())
    least, place = squared.min(-1)
    angle = heading.gather(1, place.flatten(1)).reshape(place.shape)
    return place.to(px), least.sqrt(), torch.atan2(box.sin, box.cos) - angle
