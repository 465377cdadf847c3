"""Presets against the table of what was published: vehicle, costs and weights, rules, steps, stop."""

import math
from typing import Any

import pytest

from antigrad.scenarios.costs.gap_repulsion import GapRepulsion
from antigrad.scenarios.costs.road_crop import RoadCrop
from antigrad.scenarios.costs.road_gaussian import RoadGaussian
from antigrad.scenarios.recipe import preset
from antigrad.scenarios.steering.behind import Behind
from antigrad.scenarios.steering.diverging import Diverging
from antigrad.scenarios.steering.static import Static

TABLE: dict[str, dict[str, Any]] = {
    "regents_released": {
        "vehicle": "Reflecting",
        "costs": {"CentreMean": 1, "CentreRepulsion": 5, "RoadCrop": 20},
        "rules": ["Vehicles", "Seen", "Static", "Behind", "Diverging", "HalfSteer"],
        "steps": (1e-3, 1e-3, 500),
        "stop": ("scene", False, True),
    },
    "regents_paper": {
        "vehicle": "Reflecting",
        "costs": {"GapMean": 1, "GapRepulsion": 5, "RoadGaussian": 20},
        "rules": ["Vehicles", "Seen", "Static", "Behind", "Diverging"],
        "steps": (1e-3, 1e-3, 500),
        "stop": ("scene", False, False),
    },
    "regents_fixed": {
        "vehicle": "NoReverse",
        "costs": {"ClosestApproach": 1, "Contact": 5, "RoadDepth": 20},
        "rules": ["Vehicles", "Seen", "Static", "Behind", "Drift", "Diverging"],
        "steps": (0.05, 1e-3, 250),
        "stop": ("candidate", True, False),
    },
    "king": {
        "vehicle": "King",
        "costs": {"KingAttraction": 1, "GapRepulsion": 3, "RoadGaussian": 20},
        "rules": ["Vehicles", "Seen"],
        "steps": (5e-3, 5e-3, 100),
        "stop": ("scene", False, False),
    },
}


@pytest.mark.parametrize("name", TABLE)
def test_what_a_preset_is_made_of(name: str) -> None:
    recipe, wanted = preset(name), TABLE[name]
    assert type(recipe.made_vehicle()).__name__ == wanted["vehicle"]
    weights = zip(recipe.made_costs().values(), recipe.costs.values(), strict=True)
    assert {type(cost).__name__: weight for cost, weight in weights} == wanted["costs"]
    assert [type(rule).__name__ for rule in recipe.made_steering().values()] == wanted["rules"]
    assert (recipe.step_first, recipe.step_second, recipe.iterations) == wanted["steps"]
    assert (recipe.jobs, recipe.project, recipe.invalid_contacts) == wanted["stop"]


def rule(name: str, kind: type) -> Any:
    return next(one for one in preset(name).made_steering().values() if isinstance(one, kind))


def cost(name: str, kind: type) -> Any:
    return next(one for one in preset(name).made_costs().values() if isinstance(one, kind))


def test_the_rules_are_those_of_each_preset() -> None:
    """Raw ends and every step as released, valid ones else; the window π/2 as released, π/8 in the paper; what the mask
    acts on."""
    released, paper, fixed = "regents_released", "regents_paper", "regents_fixed"
    assert [(rule(n, Static).raw, rule(n, Static).speed) for n in (released, paper, fixed)] == [
        (True, 0), (False, 0), (False, 0.2),
    ]  # fmt: skip
    assert [rule(n, Behind).valid_only for n in (released, paper, fixed)] == [False, True, True]
    windows = [rule(n, Diverging).window for n in (released, paper, fixed)]
    assert windows == pytest.approx([math.pi / 2, math.pi / 8, math.pi / 8])
    assert [rule(n, Diverging).before for n in (released, paper, fixed)] == [False, False, True]
    assert preset("king").betas == [0.8, 0.99]


def test_the_road_term_is_dead_as_released_and_the_gaussians_are_those_published() -> None:
    assert cost("regents_released", RoadCrop).corrected is False
    assert cost("regents_paper", RoadGaussian).sigma == 0.5
    king = cost("king", RoadGaussian)
    assert (king.sigma, king.cell, king.length, king.width) == (1.0, 0.4, 5.0, 2.0)
    assert cost("king", GapRepulsion).edges
    assert not cost("regents_paper", GapRepulsion).edges
    assert [cost(n, GapRepulsion).threshold for n in ("king", "regents_paper")] == [1.25, 1.25]
