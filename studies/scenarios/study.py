"""The attack on 40 real Waymo scenes: presets and planners, each rule left out, and who else a scene catches.

The scenes are in `shared/data/scenarios/womd_gpudrive_json_xz` beside the repository; their licence keeps them out.
A run that was stopped goes on where it was: what is done lies in `pieces/`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import torch
from studies.kept import record
from studies.scenarios import arms
from studies.scenarios.arms import PLANNERS, Arm, Found
from studies.scenarios.page import WARNING

from antigrad.core.catalog import parse_spec
from antigrad.scenarios.io import find
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.recipe import Recipe, preset
from antigrad.scenarios.scenario.findings import figures_of
from antigrad.scenarios.steering import Recording
from antigrad.scenarios.tools import Tools

KING_COLUMN = ["vehicles", "seen"]
"""What the repository calls `king`: the released objective without its filters and mask."""
PRESETS: Mapping[str, Recipe] = {
    "regents_fixed": preset("regents_fixed"),
    "regents_released": preset("regents_released"),
    "regents_released, filters and masks off": preset("regents_released", {"steering": KING_COLUMN}),
    "regents_paper": preset("regents_paper"),
    "king": preset("king"),
}


def run(quick: bool, keep: bool) -> None:
    """Run the three parts, on one thread."""
    torch.set_num_threads(1)

    def done(arm: Arm) -> Found:
        return arms.run(arms.shorter(arm, 8), 6, keep=False) if quick else arms.run(arm)

    keep_as(
        "vehicles",
        "cars that move off their record before any attack, largest distance",
        drifts(8 if quick else None),
        keep,
    )
    fixed = {planner: done(Arm(preset("regents_fixed"), planner)) for planner in PLANNERS}
    keep_as("transfer", "hits against one planner, replayed with another at the wheel", transfer(fixed), keep)
    for planners in (PLANNERS[:2], PLANNERS):  # What the papers can be set beside comes first.
        table = {
            name: {planner: figures_of(done(Arm(recipe, planner)).rows) for planner in planners}
            for name, recipe in PRESETS.items()
        }
        keep_as("presets", "presets against planners, all candidates, every hit confirmed", table, keep)
        if planners != PLANNERS:
            found = {name: figures_of(done(arm).rows) for name, arm in rules().items()}
            keep_as("rules", "the corrected attack on IDM: each rule left out alone", found, keep)
            found = {name: figures_of(done(arm).rows) for name, arm in released_rules().items()}
            keep_as("released_rules", "the released attack on IDM: each rule left out alone", found, keep)


def drifts(limit: int | None = None) -> dict[str, Any]:
    """How far each vehicle is off the record of those who move in it, before any attack.

    Args:
        limit: The first so many scenes.

    Returns:
        Vehicle, and the figures.
    """
    found: dict[str, Any] = {}
    for name in ("no_reverse", "king"):
        tools = Tools.of(
            preset("king", {"vehicle": name, "steering": ["vehicles", "seen", "static"]}), make_planner("log_replay")
        )
        every: list[float] = []
        for first in range(0, len(find(arms.DATA)[:limit]), arms.BATCH):
            scenes = arms.scenes_of(first, arms.BATCH)
            recording = Recording.of(scenes, tools.vehicle)
            off = torch.hypot(recording.driven.x - recording.log.states.x, recording.driven.y - recording.log.states.y)
            most = torch.where(recording.live, off, 0.0).amax(-1)
            every += most[tools.candidates(scenes)].tolist()
        tenth = statistics.quantiles(every, n=10)[-1]
        found[name] = {"movers": len(every), "median_m": statistics.median(every), "tenth_m": tenth}
    return found


def keep_as(name: str, what: str, figures: Mapping[str, Any], keep: bool) -> None:
    """Record a part of the study.

    Args:
        name: Of the part.
        what: It is.
        figures: Of its arms.
        keep: Keep them beside the code.
    """
    what = f"{what}; up to 40 real scenes of the Waymo Open Motion Dataset"
    record({"name": f"scenarios_{name}", "what": what, "figures": dict(figures)}, __file__, keep=keep)


def rules() -> dict[str, Arm]:
    """The corrected attack on IDM with each rule left out, and with changes of ours.

    Returns:
        Name and arm.
    """
    whole = preset("regents_fixed")
    recipes = {"all rules": whole} | without_each("regents_fixed")
    recipes["half the steering step"] = preset("regents_fixed", {"steering": [*whole.steering, "half_steer"]})
    recipes[WARNING] = preset("regents_fixed", {"costs": whole.costs | {"warning_time": 20.0}})
    return {name: Arm(recipe, "idm") for name, recipe in recipes.items()} | {"safe weight": Arm(whole, "idm", True)}


def released_rules() -> dict[str, Arm]:
    """The released attack on IDM with each of its rules left out.

    Returns:
        Name and arm.
    """
    recipes = {"all rules": preset("regents_released")} | without_each("regents_released")
    return {name: Arm(recipe, "idm") for name, recipe in recipes.items()}


def without_each(name: str) -> dict[str, Recipe]:
    """A preset with each of its rules left out alone.

    Args:
        name: Of the preset.

    Returns:
        What was left out, and the attack.
    """
    rules = preset(name).steering
    return {
        f"without {parse_spec(rule)[0]}": preset(name, {"steering": [one for one in rules if one != rule]})
        for rule in rules
    }


def transfer(found: Mapping[str, Found]) -> dict[str, Any]:
    """Sets made against one planner, driven by the others; and the least that catches each planner in a scene.

    Args:
        found: Planner, and the corrected attack against it.

    Returns:
        The figures; the smallest deviation of a scene is taken over the jobs of all sets, whomever they were made for.
    """
    least: dict[str, dict[str, float]] = {planner: {} for planner in PLANNERS}
    for one in found.values():
        for planner, scenes in one.nearest.items():
            for scene, deviation in scenes.items():
                least[planner][scene] = min(deviation, least[planner].get(scene, math.inf))
    common = sorted(set.intersection(*(set(scenes) for scenes in least.values())))
    first = [min(PLANNERS, key=lambda planner, scene=scene: least[planner][scene]) for scene in common]
    return {
        "caught": {name: one.caught for name, one in found.items()},
        "scenes_caught": {planner: len(scenes) for planner, scenes in least.items()},
        "scenes_that_catch_all": len(common),
        "smallest_deviation_mean_m": {
            planner: sum(scenes[scene] for scene in common) / len(common) if common else None
            for planner, scenes in least.items()
        },
        "caught_first": {planner: sum(one == planner for one in first) for planner in PLANNERS},
        "smallest_deviation_m": {
            scene: {planner: scenes[scene] for planner, scenes in least.items() if scene in scenes}
            for scene in sorted({scene for scenes in least.values() for scene in scenes})
        },
    }
