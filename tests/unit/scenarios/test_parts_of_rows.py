"""What an attack's update does to its parts, row by row: the safe weight, and the effects on the margins."""

import math

import pytest
import torch
from torch import Tensor

from antigrad.geometry.effects import safe_window
from antigrad.scenarios.attack import _Attack, attack  # pyright: ignore[reportPrivateUsage]
from antigrad.scenarios.costs import COSTS
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.recipe import preset
from antigrad.scenarios.scenario.rows import rows_of_outcome
from antigrad.scenarios.scene import Scenes
from antigrad.scenarios.tools import MARGINS, Tools, gradient_of
from antigrad.scenarios.traffic import View, rows_of
from helpers.traffic import Car, scene


def gained(made: Scenes, contact: float, safe: bool) -> tuple[Tensor, Tensor, Tensor]:
    """First-order drop of anchors and pull in a step down the engine's gradient, and the two parts' table, by row."""
    recipe = preset("regents_fixed", {"steering": ["static"], "costs": {"closest_approach": 1.0, "contact": contact}})
    tools = Tools.of(recipe, make_planner("log_replay"), safe=safe)
    chosen = tools.candidates(made)
    engine = _Attack(tools, rows_of(made, chosen, tools.vehicle, "candidate"), chosen)
    actions = engine.all.actions.clone()
    actions[1, 0, :, :10] = -0.004  # the first of them has come closer to the wall
    leaf = actions.requires_grad_()
    values = engine._values(engine.all, engine.all.view(tools.vehicle.roll(engine.traffic.log, leaf), leaf))
    parts = [
        gradient_of(sum(value.sum() for name, value, _ in values if name == part), leaf) for part in ("anchor", "down")
    ]
    scale = torch.tensor([0.05, 1e-3], dtype=torch.float64).square().reshape(2, 1, 1, 1)
    table = torch.stack([torch.stack([(a * scale * b).sum((0, 2, 3)) for b in parts], -1) for a in parts], -1)
    step = scale * engine._gradient(values, leaf)
    return (parts[0] * step).sum((0, 2, 3)), (parts[1] * step).sum((0, 2, 3)), table


@pytest.mark.parametrize("contact", [5.0, 0.005])
def test_a_safe_weight_lets_pull_and_anchors_gain_where_a_fixed_one_does_not(contact: float) -> None:
    """Between attacker and ego a wall of parked cars. A heavy anchor drives the pull back, a light one is run over; a
    row whose anchors are at rest keeps its weight."""
    wall = [Car(x=8.0 + 6 * n, y=2.9, speed=0, size=(5.5, 1.0)) for n in range(9)]
    made = scene(Car(speed=10), Car(x=20, y=6.0, speed=9), Car(x=60, y=-6, speed=9), *wall, steps=41)
    anchors, pull, table = gained(made, contact, safe=True)
    assert float(anchors[0]) > 0
    assert float(pull[0]) > 0
    fixed_anchors, fixed_pull, _ = gained(made, contact, safe=False)
    assert min(float(fixed_anchors[0]), float(fixed_pull[0])) < 0
    one, cross, two = (float(table[0, a, b]) for a, b in ((0, 0), (0, 1), (1, 1)))
    window = safe_window(one, cross, two)
    assert not window.contains(1.0)
    assert float(pull[0]) == pytest.approx(cross + window.balanced * two, rel=1e-6)
    assert float(pull[1]) == pytest.approx(float(fixed_pull[1]), rel=1e-12)


def test_a_safe_attack_is_another_attack() -> None:
    wall = [Car(x=8.0 + 6 * n, y=2.9, speed=0, size=(5.5, 1.0)) for n in range(9)]
    made = scene(Car(speed=10), Car(x=20, y=6.0, speed=9), *wall, steps=41)
    recipe = preset("regents_fixed", {"steering": ["static"], "iterations": 40})
    one, two = (attack(Tools.of(recipe, make_planner("log_replay"), safe=safe), made) for safe in (False, True))
    assert float((one.actions - two.actions).abs().max()) > 0.1


def test_what_an_update_does_to_the_margins_is_measured_whatever_the_attack_goes_down() -> None:
    """Gap, road, third objects and record, against a difference of each cost along the last update."""
    tools = Tools.of(preset("regents_released", {"iterations": 4}), make_planner("log_replay"))
    cars = (Car(speed=10), Car(x=90, y=7, yaw=math.pi, speed=10), Car(x=70, y=-6, speed=0))
    made = scene(*cars, steps=51, half_road=8.0)
    found = attack(tools, made)
    rows = rows_of_outcome(tools, found, made, {})
    view = found.view

    def cost(name: str, share: float) -> float:
        actions = found.actions + share * found.update
        now = View(found.traffic, tools.vehicle.roll(found.traffic.log, actions), actions, found.ego)
        one = COSTS.make(name)
        return float(one(now, one.constant(view.traffic)).value[0])

    assert set(MARGINS) == {"closest_approach", "road_depth", "contact", "deviation"}
    for name in MARGINS:
        drop = (cost(name, -1e-4) - cost(name, 1e-4)) / 2e-4
        assert rows[0][f"effect/{name}"] == pytest.approx(drop, rel=1e-3, abs=1e-9), name
    assert rows[0]["effect/closest_approach"] > 0  # the masked update still goes down the gap
    assert rows[0]["effect/deviation"] < 0  # and away from the record
