r"""The attack: rows of movers go down their cost until they touch the ego; every hit is confirmed by a fresh ego.

Rows are independent: the gradient is block-diagonal over them, the ego is a constant of each, and a finished row leaves
the batch. Nothing is drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from antigrad.core.parts import Parts
from antigrad.core.progress import within
from antigrad.geometry.rows import row_interaction, row_windows
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.gap import separation
from antigrad.scenarios.recipe import Recipe
from antigrad.scenarios.scene import Scenes
from antigrad.scenarios.tools import CONTACT, HIT, MISS, NOT_FINITE, PLANNER, Outcome, Tools, gradient_of
from antigrad.scenarios.traffic import Traffic, View, rows_of
from antigrad.scenarios.vehicles import Vehicle

_EPSILON = 1e-8


@dataclass
class _Live:
    """Rows that are still being optimised; `number` says which."""

    number: Tensor
    traffic: Traffic
    constants: list[Tensor]
    prepared: tuple[Tensor, ...]
    ego: States
    actions: Tensor
    first: Tensor
    second: Tensor
    age: Tensor
    down: Tensor
    frozen: Tensor

    def take(self, rows: Tensor) -> _Live:
        channels = ("actions", "first", "second", "age")
        return replace(
            self,
            number=self.number[rows],
            traffic=self.traffic.take(rows),
            constants=[value[rows] for value in self.constants],
            prepared=tuple(value[rows] for value in self.prepared),
            ego=self.ego.take(rows),
            down=self.down[rows],
            frozen=self.frozen[rows],
            **{name: getattr(self, name)[:, rows] for name in channels},
        )

    def view(self, states: States, actions: Tensor) -> View:
        return View(self.traffic, states, actions, self.ego)


def attack(tools: Tools, scenes: Scenes) -> Outcome:
    """Attack scenes.

    Args:
        tools: What the attack works with.
        scenes: N scenes, the ego as object 0.

    Returns:
        One row per scene, or one a (scene, candidate); none for scenes without a candidate.
    """
    candidates = tools.candidates(scenes)
    traffic = rows_of(scenes, candidates, tools.vehicle, "scene" if tools.recipe.jobs == "scene" else "candidate")
    return _Attack(tools, traffic, candidates).run()


class _Attack:
    def __init__(self, tools: Tools, traffic: Traffic, candidates: Tensor) -> None:
        self.tools, self.traffic, self.candidates = tools, traffic, candidates
        actions = tools.vehicle.actions_of(traffic.log)
        count, prepared = len(traffic), tools.planner.prepare(traffic)
        drive = tools.planner.drive(View(traffic, traffic.driven, actions, traffic.ego_log), prepared)
        self.notes = dict(drive.problems)
        self.status = [PLANNER if row in self.notes else MISS for row in range(count)]
        self.iteration = torch.zeros(count, dtype=torch.long)
        self.hit_step, self.striker = torch.full((count,), -1), torch.zeros(count, dtype=torch.long)
        self.descended, self.frozen = torch.zeros(count), torch.zeros(count)
        self.actions, self.update = actions.clone(), torch.zeros_like(actions)
        self.ego_before, self.ego = drive.states, States(*(value.clone() for value in drive.states))
        self.all = _Live(
            number=torch.arange(count),
            traffic=traffic,
            constants=[cost.constant(traffic) for cost, _ in tools.costs],
            prepared=prepared,
            ego=drive.states,
            actions=actions,
            first=torch.zeros_like(actions),
            second=torch.zeros_like(actions),
            age=actions.new_zeros(*actions.shape[:3], 1),
            down=torch.zeros(count),
            frozen=torch.zeros(count),
        )

    def run(self) -> Outcome:
        touching = self._contacts(self.all, self.traffic.driven).flatten(1).any(1)
        # A scene whose ego collides without an attack has nothing to be attributed to one.
        touching = torch.isin(self.traffic.scene, self.traffic.scene[touching])
        for row in touching.nonzero()[:, 0].tolist():
            self.status[row] = CONTACT if self.status[row] == MISS else self.status[row]
        going = torch.tensor([status == MISS for status in self.status], dtype=torch.bool)
        live = self.all.take(going.nonzero()[:, 0])
        for iteration in range(self.tools.recipe.iterations + 1):
            if not len(live.number):
                break
            within(iteration / (self.tools.recipe.iterations + 1), f"iteration {iteration}")
            live = self._iterate(live, iteration)
        return self._outcome(live)

    def _iterate(self, live: _Live, iteration: int) -> _Live:
        tools = self.tools
        leaf = live.actions.detach().requires_grad_(True)
        states = tools.vehicle.roll(live.traffic.log, leaf)
        values = self._values(live, live.view(states, leaf))
        still = states.detach()
        self.striker[live.number] = values[0][2]
        going = self._finish_hits(live, still)
        if iteration == tools.recipe.iterations:
            self._store(live)
            return live
        gradient = self._gradient(values, leaf)
        finite = gradient.isfinite().flatten(2).all(-1).all(0)
        for row in live.number[~finite & going].tolist():
            self.status[row] = NOT_FINITE
        going &= finite
        update = self._adam(live, gradient.nan_to_num(), live.view(still, leaf.detach()))
        moved = live.actions + update * going[:, None, None]
        live.actions = tools.vehicle.project(moved) if tools.recipe.project else moved
        live.down += ((update * gradient).sum((0, 2, 3)) < 0) & going
        self.iteration[live.number] += going
        self.update[:, live.number] = torch.where(going[:, None, None], update, self.update[:, live.number])
        if tools.planner.reactive and (iteration + 1) % tools.refresh == 0:
            live.ego = self._drive(live, still, going)
        self._store(live)
        return live if bool(going.all()) else live.take(going.nonzero()[:, 0])

    def _values(self, live: _Live, view: View) -> list[tuple[str, Tensor, Tensor]]:
        # Part, weighted value and winner of each cost, the down part first.
        found: list[tuple[str, Tensor, Tensor]] = []
        none = torch.full((len(live.number),), -1)
        for (cost, weight), constant in zip(self.tools.costs, live.constants, strict=True):
            value = cost(view, constant)
            found.append((cost.part, weight * value.value, none if value.winner is None else value.winner))
        return sorted(found, key=lambda item: item[0] != "down")

    def _gradient(self, values: list[tuple[str, Tensor, Tensor]], leaf: Tensor) -> Tensor:
        parts = _parts(values, leaf)
        if not self.tools.safe:
            return gradient_of(parts.total(), leaf)
        anchor, down = gradient_of(parts.anchor, leaf), gradient_of(parts.down, leaf)
        return anchor + self._safe_weight(anchor, down)[:, None, None] * down

    def _safe_weight(self, anchor: Tensor, down: Tensor) -> Tensor:
        scale = _steps(self.tools.recipe, anchor)
        rows = {name: _rows(scale * grad.nan_to_num()) for name, grad in (("anchor", anchor), ("down", down))}
        return row_windows(row_interaction(rows)).weight().to(anchor)

    def _adam(self, live: _Live, gradient: Tensor, view: View) -> Tensor:
        recipe = self.tools.recipe
        before = after = gradient.new_ones(gradient.shape[:3])
        for rule in self.tools.masks:
            factor = rule.scale(view)
            before, after = (before * factor, after) if rule.before_moments else (before, after * factor)
        frozen = (((before == 0) | (after == 0))[1] & live.traffic.moving).sum(1)
        live.frozen = live.frozen + frozen / live.traffic.moving.sum(1).clamp(min=1)
        kept = (before != 0).to(gradient)[..., None]  # What is frozen starts afresh when it thaws.
        one, two = recipe.betas
        gradient = gradient * before[..., None]
        live.age = (live.age + 1) * kept
        live.first = (one * live.first + (1 - one) * gradient) * kept
        live.second = (two * live.second + (1 - two) * gradient.square()) * kept
        age = live.age.clamp(min=1)
        mean, square = live.first / (1 - one**age), live.second / (1 - two**age)
        return -_steps(recipe, gradient) * mean / (square.sqrt() + _EPSILON) * after[..., None]

    def _contacts(self, live: _Live, states: States) -> Tensor:
        view, depth = live.view(states, live.actions), self.tools.recipe.depth
        counted = live.traffic.moving[..., None] if self.tools.recipe.invalid_contacts else view.live
        return (separation(view.moved, view.ego_box) <= -depth) & counted

    def _finish_hits(self, live: _Live, states: States) -> Tensor:
        # Rows that go on; hits against a reactive ego are confirmed by a fresh roll-out of it.
        contact = self._contacts(live, states)
        new = contact.flatten(1).any(1)
        if bool(new.any()) and self.tools.planner.reactive:
            live.ego = self._drive(live, states, new)
            contact = self._contacts(live, states)
            new &= contact.flatten(1).any(1)
        new &= ~self._lost(live)  # where the planner failed, nothing is confirmed
        self._mark_hits(live, contact, new)
        return ~new & ~self._lost(live)

    def _mark_hits(self, live: _Live, contact: Tensor, rows: Tensor) -> None:
        first = torch.where(contact, torch.arange(contact.shape[-1]), contact.shape[-1]).amin(-1)
        for row in rows.nonzero()[:, 0].tolist():
            number = int(live.number[row])
            self.status[number] = HIT
            self.striker[number] = first[row].argmin()
            self.hit_step[number] = first[row].min()

    def _missed(self, live: _Live) -> Tensor:
        return torch.tensor([self.status[row] == MISS for row in live.number.tolist()], dtype=torch.bool)

    def _lost(self, live: _Live) -> Tensor:
        return torch.tensor([self.status[row] == PLANNER for row in live.number.tolist()], dtype=torch.bool)

    def _drive(self, live: _Live, states: States, rows: Tensor) -> States:
        # The ego of some rows afresh, that of the others as it is.
        chosen = rows.nonzero()[:, 0]
        some = live.take(chosen)
        drive = self.tools.planner.drive(some.view(states.take(chosen), some.actions), some.prepared)
        for row, problem in drive.problems.items():
            number = int(some.number[row])
            self.status[number], self.notes[number] = PLANNER, problem
        fresh = States(*(value.clone() for value in live.ego))
        for value, new in zip(fresh, drive.states, strict=True):
            value[chosen] = new
        return fresh

    def _store(self, live: _Live) -> None:
        self.actions[:, live.number] = live.actions.detach()
        self.descended[live.number], self.frozen[live.number] = live.down, live.frozen
        for value, new in zip(self.ego, live.ego, strict=True):
            value[live.number] = new

    def _outcome(self, live: _Live) -> Outcome:
        states = self.tools.vehicle.roll(self.traffic.log, self.actions)
        if self.tools.planner.reactive and len(live.number):  # Rows without a hit still have an old ego.
            last, every = states.take(live.number), torch.ones(len(live.number), dtype=torch.bool)
            live.ego = self._drive(live, last, every)
            self._store(live)
            contact = self._contacts(live, last)
            self._mark_hits(live, contact, contact.flatten(1).any(1) & ~self._lost(live) & self._missed(live))
        made = self.iteration.clamp(min=1)
        physical, raw = self.tools.vehicle.project(self.actions), self.actions
        mask = self.traffic.log.mask
        bound = ((physical != raw) | _at_bound(self.tools.vehicle, raw)) & mask
        return Outcome(
            traffic=self.traffic,
            candidates=self.candidates,
            actions=self.actions,
            states=states,
            ego_before=self.ego_before,
            ego=self.ego,
            status=self.status,
            iteration=self.iteration,
            striker=self.striker.clamp(min=0),
            hit_step=self.hit_step,
            notes=self.notes,
            update=self.update,
            descended=self.descended / made,
            frozen=self.frozen / made,
            clipped=bound.sum((0, 2, 3)) / (2 * mask.sum((1, 2))).clamp(min=1),
        )


def _parts(values: list[tuple[str, Tensor, Tensor]], leaf: Tensor) -> Parts:
    # Summed over rows: the gradient is block-diagonal, and each row keeps its own.
    sums = {"down": leaf.new_zeros(()), "anchor": leaf.new_zeros(())}
    for part, value, _ in values:
        sums[part] = sums[part] + value.sum()
    return Parts(up=leaf.new_zeros(()), down=sums["down"], anchor=sums["anchor"])


def _steps(recipe: Recipe, like: Tensor) -> Tensor:
    return torch.tensor([recipe.step_first, recipe.step_second], dtype=like.dtype, device=like.device).reshape(
        2, 1, 1, 1
    )


def _rows(channels: Tensor) -> Tensor:
    return channels.transpose(0, 1).flatten(1)


def _at_bound(vehicle: Vehicle, actions: Tensor) -> Tensor:
    nudged = actions + torch.sign(actions) * 1e-6
    return vehicle.project(nudged) != nudged
