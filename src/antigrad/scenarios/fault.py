"""Whose collision it was: nuPlan's classes, contact geometry, and a ledger of who closed the ego's way out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.certificate import Judge, escapes_of
from antigrad.scenarios.dynamics import States, wrap
from antigrad.scenarios.gap import Box, boxes, separation
from antigrad.scenarios.planners.planner import Around
from antigrad.scenarios.tools import Outcome
from antigrad.scenarios.traffic import View
from antigrad.scenarios.vehicles import Log, Vehicle

STOPPED = 0.05
"""m/s below which a vehicle stands."""
CLASSES = ("ego stopped", "track stopped", "rear", "front", "lateral")


@dataclass(frozen=True)
class Contact:
    """The first contact.

    Args:
        kind: nuPlan's class: ego stopped, track stopped, rear (the ego was struck from behind), front (its front bumper
            struck), lateral.
        at_fault: Whether nuPlan counts it as the ego's fault; a lateral one is if the ego had left the road.
        zone: Where the other car was: front, side or rear.
        bearing: rad, of the other's centre in the ego's frame.
        ego_closing: m/s of the ego towards the other, along the line of centres.
        other_closing: m/s of the other towards the ego.
    """

    kind: str
    at_fault: bool
    zone: str
    bearing: float
    ego_closing: float
    other_closing: float

    @property
    def ego_strikes(self) -> bool:
        """Whether more of the closing speed was the ego's."""
        return self.ego_closing > self.other_closing


def contact_of(view: View, row: int, striker: int, step: int, *, off_road: bool = False) -> Contact:
    """Describe a contact.

    Args:
        view: The rows.
        row: Its number.
        striker: Number of the mover.
        step: Step of the first contact.
        off_road: Whether the ego was off the road: a lateral contact is its fault then.

    Returns:
        The contact.

    Source: the classes of nuPlan's at-fault collision metric (Caesar et al. 2021, arXiv 2106.11810).

    Deviations: nuPlan also blames the ego for a lateral contact when it is in several lanes; without a lane map that is
        left out.
    """
    traffic, before = view.traffic, max(step - 1, 0)
    ego = States(*(value[row] for value in view.ego))
    other = States(*(value[row, striker] for value in view.states))
    velocity = [((s.x[step] - s.x[before]) / traffic.dt, (s.y[step] - s.y[before]) / traffic.dt) for s in (ego, other)]
    own = boxes(States(*(value[step : step + 1] for value in ego)), traffic.ego_size[row])
    his = boxes(States(*(value[step : step + 1] for value in other)), traffic.size[row, striker])
    dx, dy = float(his.x - own.x), float(his.y - own.y)
    distance = max(math.hypot(dx, dy), 1e-6)
    closing = [(float(vx) * dx + float(vy) * dy) / distance for vx, vy in velocity]
    bearing = float(wrap(torch.atan2(his.y - own.y, his.x - own.x) - ego.yaw[step]))
    speeds = [math.hypot(float(vx), float(vy)) for vx, vy in velocity]
    kind = _kind(speeds, bearing, own, his)
    zone = "front" if abs(bearing) <= math.pi / 4 else "rear" if abs(bearing) >= 3 * math.pi / 4 else "side"
    at_fault = kind in ("front", "track stopped") or (kind == "lateral" and off_road)
    return Contact(kind, at_fault, zone, bearing, closing[0], -closing[1])


def _kind(speeds: Sequence[float], bearing: float, own: Box, his: Box) -> str:
    if speeds[0] <= STOPPED:
        return "ego stopped"
    if speeds[1] <= STOPPED:
        return "track stopped"
    if abs(bearing) > math.radians(150):
        return "rear"
    thin = own._replace(
        x=own.x + own.cos * own.half_length,
        y=own.y + own.sin * own.half_length,
        half_length=torch.full_like(own.half_length, 1e-3),
    )
    return "front" if float(separation(thin, his)) <= 0 else "lateral"


@dataclass(frozen=True)
class Entry:
    """What a mover's actions in a stretch of time did to the ego's way out.

    Args:
        start: s.
        end: s.
        lost: s by which the last safe start moved forward to the beginning, because the mover drove as it did and not
            as recorded.
        who: Number of the mover in its row.
    """

    start: float
    end: float
    lost: float
    who: int = 0


def fault_ledger(
    outcome: Outcome, vehicle: Vehicle, row: int, judge: Judge | None = None, every: float = 0.5
) -> list[Entry]:
    r"""Say whose actions closed the ego's way out, when, and by how much.

    $$\ell_{i,k}=t^\ast(u_{<i},\,u_{i,<t_k})-t^\ast(u_{<i},\,u_{i,<t_{k+1}})$$

    with t* the last safe start in a world where the movers before i drove their attack, i its own up to a time and its
    record's actions from then on, and the movers after i their record's. The striker is the first of them. The entries
    add up to the whole: from the world without an attack to the one with it.

    Args:
        outcome: An attack.
        vehicle: What its movers drive.
        row: A row with a hit.
        judge: How escapes are judged.
        every: s, length of a stretch.

    Returns:
        One entry a stretch up to the contact, of the striker and of each other mover whose attack closed or opened an
        escape.

    Sign: positive entries took time from the ego, negative ones gave some back.

    Source: ours.

    Deviations: the ego's own path is the one of the collision in all of these worlds.
    """
    judge, view = judge or Judge(), outcome.view
    traffic, contact, striker = view.traffic, int(outcome.hit_step[row]), int(outcome.striker[row])
    movers = traffic.moving[row].nonzero()[:, 0].tolist()
    escapes = escapes_of(view, row, movers, contact, judge, Around.of(view))

    def met(every_mover: Box, who: int) -> Tensor:
        box = every_mover.map(lambda value: value[row, who][None])
        return escapes.meets(box, traffic.live[row, who][None], follows=who != striker)[0]

    blocked, attacked = ({who: met(box, who) for who in movers} for box in (traffic.driven_boxes, view.moved))
    others = [who for who in movers if who != striker and bool((attacked[who] != blocked[who]).any())]
    cuts = [*range(0, contact, max(1, round(every / traffic.dt))), contact]
    found: list[Entry] = []
    for who in [striker, *others]:
        way = escapes.free.clone()
        for other in movers:
            if other != who:
                way &= ~blocked[other]
        # The last world has all of the attack, what comes after the contact too: escapes must last longer than that.
        box = boxes(
            _hybrids(outcome, vehicle, row, who, [*cuts[:-1], traffic.steps]),
            traffic.size[row, who].expand(len(cuts), 2),
        )
        own = escapes.meets(box, traffic.live[row, who].expand(len(cuts), -1), follows=who != striker)
        safe = (way & ~own).any(-1)  # (worlds, starts), latest start first
        last = torch.where(safe, escapes.starts + 1, 0).amax(1).tolist()
        found += [
            Entry(cuts[k] * traffic.dt, cuts[k + 1] * traffic.dt, (last[k] - last[k + 1]) * traffic.dt, who)
            for k in range(len(cuts) - 1)
        ]
        blocked[who] = attacked[who]
    return found


def _hybrids(outcome: Outcome, vehicle: Vehicle, row: int, mover: int, cuts: list[int]) -> States:
    # (K, T) a mover with the attack's actions up to each cut and its record's from there on.
    log, count = outcome.traffic.log, len(cuts)

    def repeat(value: Tensor) -> Tensor:
        return value[row, mover].expand(count, -1)

    many = Log(States(*(repeat(value) for value in log.states)), repeat(log.course), repeat(log.mask), log.dt)
    attacked = outcome.actions[:, row, mover][:, None].expand(-1, count, -1)
    steps = torch.arange(attacked.shape[-1], device=attacked.device)
    early = steps < torch.tensor(cuts, device=attacked.device)[:, None]
    return vehicle.roll(many, torch.where(early, attacked, vehicle.actions_of(many)))
