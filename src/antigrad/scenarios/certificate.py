r"""Could the collision have been avoided, and until when: escapes of the ego against the frozen others.

An object that an escape would let run into the ego from behind, the striker excepted, does not stand in its way: it is
frozen, but would have braked. It is left out from that contact on, for it would drive through the ego otherwise.

One-sided: an escape that was found proves that the collision could be avoided while the others do what they did;
"unavoidable" holds for this lattice only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.html import figures_table
from antigrad.scenarios.dynamics import States, wrap
from antigrad.scenarios.gap import Box, boxes, corners, separation
from antigrad.scenarios.manoeuvres import Lattice
from antigrad.scenarios.planners.planner import Around
from antigrad.scenarios.sdf import SignedDistance, picked
from antigrad.scenarios.traffic import View

AVOIDABLE, FORESIGHT, UNAVOIDABLE = "avoidable", "needs foresight", "unavoidable"


@dataclass(frozen=True)
class Judge:
    """How escapes are tried and judged.

    Args:
        lattice: Escapes.
        every: s between starts.
        after: s after the contact during which an escape must hold.
        clearance: m by which the ego's box is grown: attacks stop at grazing contact.
        reaction: s the ego needs after the attack has become visible.
        visible: m of the striker's deviation from its log that counts as visible.
        slack: m off the road beyond the deepest of the log that an escape may go.

    Raises:
        InputValueError: A number is out of range.
    """

    lattice: Lattice = field(default_factory=Lattice)
    every: float = 0.2
    after: float = 3.0
    clearance: float = 0.3
    reaction: float = 0.5
    visible: float = 0.5
    slack: float = 0.3

    def __post_init__(self) -> None:
        least = min(self.after, self.clearance, self.reaction, self.visible, self.slack)
        if not (self.every > 0 and least >= 0 and self.lattice.manoeuvres):
            raise InputValueError(f"{self}", "every > 0, the rest at least 0, some manoeuvre", "the defaults are usual")


@dataclass(frozen=True, eq=False)
class Certificate:
    """What is known of one collision.

    Args:
        verdict: `avoidable`: the last safe start is at least a reaction time after the attack became visible; `needs
            foresight`: there is one, but earlier; `unavoidable`: none in the lattice.
        contact: s, first contact.
        seen: s, when the attack became visible.
        last: s, last start with an escape; None for none.
        braking: Whether braking alone would have been enough at some start.
        escape: (H, 4) x, y, yaw, speed of the mildest escape from the last safe start, one state per step after it.
        manoeuvre: Its acceleration and side, m/s².
        open: (S,) escapes there were at each start tried, latest first.
        starts: (S,) these starts, in steps.
    """

    verdict: str
    contact: float
    seen: float
    last: float | None
    braking: bool
    escape: Tensor | None
    manoeuvre: tuple[float, float] | None
    open: Tensor
    starts: Tensor

    @property
    def lead(self) -> float | None:
        """S between the last safe start and the contact."""
        return None if self.last is None else self.contact - self.last

    def _repr_html_(self) -> str:
        figures = {"first contact, s": self.contact, "attack visible, s": self.seen, "last safe start, s": self.last}
        return figures_table(f"Certificate of a collision: {self.verdict}", figures | {"braking": self.braking})


@dataclass(frozen=True, eq=False)
class Escapes:
    """The escapes of one row, and what stands in their way but the striker.

    Args:
        judge: How they are judged.
        ego: (T,) what the ego did.
        starts: (S,) steps, latest first.
        states: (S, K, H) the escapes.
        counts: (S, H) True up to the end of the horizon.
        start: (Q,) number of the start of each state that counts, start by start, in the order of time.
        step: (Q,) its step.
        box: (Q, K) boxes of these states, grown by the clearance.
        free: (S, K) True where nothing but perhaps the striker is in the way.
        dt: s.
    """

    judge: Judge
    ego: States
    starts: Tensor
    states: States
    counts: Tensor
    start: Tensor
    step: Tensor
    box: Box
    free: Tensor
    dt: float

    def meets(self, other: Box, present: Tensor, follows: bool = False) -> Tensor:
        """Which escapes touch an object.

        Args:
            other: (J, T) boxes of objects, with their half lengths (J, 1).
            present: (J, T).
            follows: Leave out contacts from behind: traffic that is frozen would have braked.

        Returns:
            (J, S, K) True where the escape touches the object.
        """
        x, y, there = (value.index_select(1, self.step) for value in (other.x, other.y, present))
        reach = self.box.radius.amax() + other.radius
        low = [value.amin(1) for value in (self.box.x, self.box.y)]
        high = [value.amax(1) for value in (self.box.x, self.box.y)]
        near = there & (x > low[0] - reach) & (x < high[0] + reach)
        near &= (y > low[1] - reach) & (y < high[1] + reach)
        j, q = near.nonzero(as_tuple=True)
        squared = (self.box.x.index_select(0, q) - x[j, q][:, None]).square_()
        squared += (self.box.y.index_select(0, q) - y[j, q][:, None]).square_()
        n, k = (squared < reach[j].square()).nonzero(as_tuple=True)  # Circles first, boxes where these touch.
        j, q = j[n], q[n]
        flat, at = q * self.box.x.shape[1] + k, j * other.x.shape[1] + self.step[q]
        own = self.box.place(lambda value: picked(value, flat))
        his = Box(*(picked(value, at) for value in other[:4]), *(value[j, 0] for value in other[4:]))
        touch = separation(own, his) <= 0
        j, q, k = j[touch], q[touch], k[touch]
        found = torch.zeros(len(other.x), *self.free.shape, dtype=torch.bool, device=touch.device)
        found[j, self.start[q], k] = True
        return found & ~self._followed(other, found, (j, q, k)) if follows else found

    def _followed(self, other: Box, found: Tensor, place: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        # (J, S, K) True where the first contact is from behind: the object would have braked, and not have gone on.
        j, q, k = place
        s, step = self.start[q], self.step[q]
        first = torch.full(found.shape, len(self.step), device=q.device)  # Of one start, q goes with time.
        flat = (j * first.shape[1] + s) * first.shape[2] + k
        first = first.flatten().scatter_reduce(0, flat, q, "amin").reshape(first.shape)
        dx, dy = other.x[j, step] - self.box.x[q, k], other.y[j, step] - self.box.y[q, k]
        bearing = wrap(torch.atan2(dy, dx) - torch.atan2(self.box.sin[q, k], self.box.cos[q, k]))
        behind = (bearing.abs() > 3 * math.pi / 4) & (q == first[j, s, k])
        followed = torch.zeros_like(found)
        followed[j[behind], s[behind], k[behind]] = True
        return followed


def escapes_of(
    view: View, row: int, apart: int | Sequence[int], contact: int, judge: Judge, around: Around | None = None
) -> Escapes:
    """Roll the escapes of one row out and test them against everything but the striker.

    Args:
        view: The rows at the end of an attack.
        row: Its number.
        apart: Number of the mover that struck, or of several movers that are left out.
        contact: Step of the first contact.
        judge: How escapes are judged.
        around: `Around.of(view)`, if it is at hand.

    Returns:
        The escapes.
    """
    traffic = view.traffic
    around = around or Around.of(view)
    ego = States(*(value[row] for value in view.ego))
    end = min(int(traffic.horizon[row]) - 1, contact + round(judge.after / traffic.dt))
    stride = max(1, round(judge.every / traffic.dt))
    starts = torch.arange(contact - 1, -1, -stride, device=ego.x.device)
    horizon = max(end - int(starts[-1]), 1) if len(starts) else 1
    states = judge.lattice.roll(ego, starts, horizon, traffic.dt)
    counts = starts[:, None] + torch.arange(1, horizon + 1, device=starts.device) <= end
    start, h = counts.nonzero(as_tuple=True)
    flat = counts.flatten().nonzero()[:, 0]
    x, y, yaw = (value.transpose(1, 2).flatten(0, 1).index_select(0, flat) for value in states[:3])
    size = traffic.ego_size[row]
    box = Box(x, y, yaw.cos(), yaw.sin(), size[0] / 2, size[1] / 2)
    free = torch.ones(len(starts), len(judge.lattice.manoeuvres), dtype=torch.bool, device=starts.device)
    grown, step = box.grown(judge.clearance), starts[start] + 1 + h
    escapes = Escapes(judge, ego, starts, states, counts, start, step, grown, free, traffic.dt)
    others = torch.ones(traffic.kind.shape[1], dtype=torch.bool, device=ego.x.device)
    others[0] = False
    others[traffic.mover[row, apart]] = False
    others &= around.present[row].any(-1) & ~_known(view, row)
    which = others.nonzero()[:, 0]
    met = escapes.meets(around.box.map(lambda value: value[row, which]), around.present[row, which], follows=True)
    free &= ~met.any(0)
    free &= ~_off_road(view, row, box, escapes)
    return escapes


def _known(view: View, row: int) -> Tensor:
    # (A,) contacts that the log has already: they are not the attack's.
    traffic = view.traffic
    own = boxes(States(*(value[row] for value in traffic.ego_log)), traffic.ego_size[row])
    other = traffic.others.map(lambda value: value[row])
    there = traffic.present[row] & traffic.ego_valid[row]
    return ((separation(own, other) <= 0) & there).any(-1)


def _off_road(view: View, row: int, box: Box, escapes: Escapes) -> Tensor:
    # (S, K) True where an escape leaves the road more than the log did; only free ones are looked at.
    traffic = view.traffic
    off = torch.zeros_like(escapes.free)
    if traffic.road is None:
        return off
    scene = traffic.scene[row : row + 1]
    own = boxes(States(*(value[row] for value in traffic.ego_log)), traffic.ego_size[row])
    depth = traffic.road(corners(own)[None], scene)[0].clamp(min=0)
    limit = torch.where(traffic.ego_valid[row][:, None], depth, 0.0).max() + escapes.judge.slack
    # A distance on a raster has slopes of at most √2: where the value next to the centre is lower, no corner is out.
    reach = math.sqrt(2) * (box.radius + traffic.road.cell)
    near = (_beside(traffic.road, int(scene), box.x, box.y) + reach > limit) & escapes.free[escapes.start]
    flat = near.flatten().nonzero()[:, 0]
    point = corners(box.place(lambda value: picked(value, flat)))
    out = flat[traffic.road.beyond(point[None], scene, limit)[0].any(-1)]
    count = near.shape[1]
    off[escapes.start[out // count], out % count] = True
    return off


def _beside(road: SignedDistance, scene: int, x: Tensor, y: Tensor) -> Tensor:
    # Value of the raster at the cell next to each point.
    rows, columns = road.extent[scene].tolist()
    left, low = road.origin[scene].tolist()
    column = ((x - left) / road.cell).round_().clamp_(0, columns - 1).long()
    row = ((y - low) / road.cell).round_().clamp_(0, rows - 1).long()
    return picked(road.values[scene], row * road.values.shape[2] + column).to(x)


def certify(
    view: View, rows: Sequence[int], strikers: Sequence[int], contacts: Sequence[int], judge: Judge | None = None
) -> list[Certificate]:
    """Certify collisions.

    Args:
        view: The rows at the end of an attack.
        rows: Rows with a collision.
        strikers: The mover that struck, of each.
        contacts: Step of the first contact, of each.
        judge: How escapes are judged.

    Returns:
        One certificate each.
    """
    judge, around = judge or Judge(), Around.of(view)
    found: list[Certificate] = []
    for row, striker, contact in zip(rows, strikers, contacts, strict=True):
        escapes = escapes_of(view, row, striker, contact, judge, around)
        number = int(view.traffic.mover[row, striker])
        other = around.box.map(lambda value, row=row, number=number: value[row, number][None])
        met = escapes.meets(other, around.present[row, number][None])
        found.append(_verdict(view, row, striker, contact, escapes, escapes.free & ~met[0]))
    return found


def _verdict(view: View, row: int, striker: int, contact: int, escapes: Escapes, safe: Tensor) -> Certificate:
    judge, dt = escapes.judge, escapes.dt
    seen = seen_at(view, row, striker, contact, judge.visible)
    count = safe.sum(1)
    index = int((count > 0).int().argmax()) if bool((count > 0).any()) else None
    last = None if index is None else int(escapes.starts[index])
    in_time = last is not None and last >= seen + round(judge.reaction / dt)
    verdict = AVOIDABLE if in_time else FORESIGHT if last is not None else UNAVOIDABLE
    manoeuvres = judge.lattice.manoeuvres
    braking = torch.tensor([side == 0 and a < 0 for a, side in manoeuvres], device=safe.device)
    escape = manoeuvre = None
    if index is not None:
        effort = torch.tensor([math.hypot(*one) for one in manoeuvres], device=safe.device)
        best = int(torch.where(safe[index], effort, torch.inf).argmin())
        held = int(escapes.counts[index].sum())
        manoeuvre = manoeuvres[best]
        escape = torch.stack([value[index, best, :held] for value in escapes.states], -1)
    return Certificate(
        verdict=verdict,
        contact=contact * dt,
        seen=seen * dt,
        last=None if last is None else last * dt,
        braking=bool((safe & braking).any()),
        escape=escape,
        manoeuvre=manoeuvre,
        open=count,
        starts=escapes.starts,
    )


def seen_at(view: View, row: int, striker: int, contact: int, visible: float) -> int:
    """First step at which the striker is visibly off its record.

    Args:
        view: The rows.
        row: Its number.
        striker: Number of the mover.
        contact: Step of the contact; the latest that is returned.
        visible: m.

    Returns:
        The step.
    """
    traffic, at = view.traffic, (row, striker)
    log = traffic.log.states
    off = torch.hypot(view.states.x[at] - log.x[at], view.states.y[at] - log.y[at]) > visible
    seen = (off & traffic.live[at]).nonzero()
    return min(int(seen[0, 0]), contact) if len(seen) else contact
