"""What an attack works with, and what it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from antigrad.scenarios.costs import COSTS, Cost
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.planners import Planner
from antigrad.scenarios.recipe import Recipe
from antigrad.scenarios.scene import Scenes
from antigrad.scenarios.steering import Recording, Steering
from antigrad.scenarios.traffic import Traffic, View
from antigrad.scenarios.vehicles import Vehicle

HIT, MISS, CONTACT, PLANNER, NOT_FINITE = "hit", "no hit", "contact at the start", "planner failed", "not finite"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of the rows of an attack.

    Args:
        traffic: (R,) rows.
        candidates: (N, A) True for the objects that may be moved.
        actions: (2, R, M, T-1).
        states: (R, M, T) of the movers.
        ego_before: (R, T) the ego without an attack.
        ego: (R, T) the ego, rolled out afresh at the end.
        status: Of each row: hit, no hit, contact at the start, planner failed, not finite.
        iteration: (R,) updates made.
        striker: (R,) the mover that touched the ego; of a row without a hit, the one its cost comes from.
        hit_step: (R,) step of the first contact, -1 for none.
        notes: Row, and what its planner said.
        update: (2, R, M, T-1) the last update of each row.
        descended: (R,) share of the updates that went down the weighted cost.
        frozen: (R,) share of mover-iterations with a factor 0 on the second channel.
        clipped: (R,) share of actions at a bound at the end.
    """

    traffic: Traffic
    candidates: Tensor
    actions: Tensor
    states: States
    ego_before: States
    ego: States
    status: list[str]
    iteration: Tensor
    striker: Tensor
    hit_step: Tensor
    notes: dict[int, str]
    update: Tensor
    descended: Tensor
    frozen: Tensor
    clipped: Tensor

    @property
    def view(self) -> View:
        """The rows as they ended."""
        return View(self.traffic, self.states, self.actions, self.ego)

    def __len__(self) -> int:
        return len(self.traffic)


@dataclass(frozen=True, eq=False)
class Tools:
    """What an attack works with.

    Args:
        recipe: The attack as plain values.
        vehicle: What movers drive.
        costs: Each with its weight.
        masks: Rules that scale gradient or update.
        filters: All rules.
        planner: What drives the ego.
        refresh: Iterations between two roll-outs of a reactive ego.
        safe: Weigh the down part of each row by its safe window.
    """

    recipe: Recipe
    vehicle: Vehicle
    costs: list[tuple[Cost, float]]
    masks: list[Steering]
    filters: list[Steering]
    planner: Planner
    refresh: int
    safe: bool

    @classmethod
    def of(cls, recipe: Recipe, planner: Planner, refresh: int = 5, *, safe: bool = False) -> Tools:
        """Make what a recipe names.

        Args:
            recipe: The attack.
            planner: What drives the ego.
            refresh: Iterations between two roll-outs of a reactive ego.
            safe: Weigh the down part of each row by its safe window.

        Returns:
            The tools.
        """
        rules = list(recipe.made_steering().values())
        costs = [(cost, recipe.costs[text]) for text, cost in recipe.made_costs().items()]
        return cls(recipe, recipe.made_vehicle(), costs, [r for r in rules if r.masks], rules, planner, refresh, safe)

    def candidates(self, scenes: Scenes) -> Tensor:
        """Choose whom to move.

        Args:
            scenes: N scenes, the ego as object 0.

        Returns:
            (N, A) True where every filter agrees.
        """
        recording = Recording.of(scenes, self.vehicle)
        kept = recording.objects
        for rule in self.filters:
            kept = kept & rule.keeps(recording)
        return kept


MARGINS = ("closest_approach", "road_depth", "contact", "deviation")
"""Costs that are measured of every attack, whatever it goes down: gap to the ego, road, third objects, the record."""


def cost_gradients(tools: Tools, outcome: Outcome) -> Iterator[tuple[str, Cost, Tensor, Tensor]]:
    """Gradient of each cost at the end of an attack: of its own, and of the `MARGINS` that are not among them.

    Args:
        tools: What the attack worked with.
        outcome: Its end.

    Yields:
        The cost as written, the cost, its (R,) values and its (2, R, M, T-1) gradient, without its weight.
    """
    own = dict(zip(tools.recipe.costs, (cost for cost, _ in tools.costs), strict=True))
    every = own | {name: COSTS.make(name) for name in MARGINS if name not in own}
    traffic = outcome.traffic
    leaf = outcome.actions.detach().requires_grad_(True)
    view = View(traffic, tools.vehicle.roll(traffic.log, leaf), leaf, outcome.ego)
    for text, cost in every.items():
        value = cost(view, cost.constant(traffic)).value
        yield text, cost, value.detach(), gradient_of(value.sum(), leaf)


def gradient_of(total: Any, leaf: Tensor) -> Tensor:
    """Gradient of what may have no graph; the graph is kept.

    Args:
        total: A scalar, with a graph or without.
        leaf: With respect to what.

    Returns:
        Like the leaf; zeros where it does not depend on it.
    """
    if not isinstance(total, Tensor) or not total.requires_grad:
        return torch.zeros_like(leaf)
    return torch.autograd.grad(total, leaf, retain_graph=True, materialize_grads=True)[0]
