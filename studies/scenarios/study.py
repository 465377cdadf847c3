"""The attack on 40 real Waymo scenes: presets and planners, each rule left out, and who else a scene catches.

The scenes are in `shared/data/scenarios/womd_gpudrive_json_xz` beside the repository; their licence keeps them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from studies.kept import record

from antigrad.scenarios.attack import attack
from antigrad.scenarios.certificate import certify
from antigrad.scenarios.gap import boxes, separation
from antigrad.scenarios.io import find
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.recipe import Recipe, preset
from antigrad.scenarios.road import rasterise
from antigrad.scenarios.scenario.findings import best_of_scenes, figures_of
from antigrad.scenarios.scenario.rows import rows_of_outcome
from antigrad.scenarios.scene import Scenes, arrange
from antigrad.scenarios.tools import HIT, Outcome, Tools
from antigrad.scenarios.traffic import View

DATA = Path(__file__).absolute().parents[2].parent / "shared" / "data" / "scenarios" / "womd_gpudrive_json_xz"
KING_COLUMN = ["vehicles", "seen"]
"""What the repository calls `king`: the released objective without its filters and mask."""
PRESETS: Mapping[str, Recipe] = {
    "regents_fixed": preset("regents_fixed"),
    "regents_paper": preset("regents_paper"),
    "regents_released": preset("regents_released"),
    "regents_released, filters and masks off": preset("regents_released", {"steering": KING_COLUMN}),
    "king": preset("king"),
}
PLANNERS = ("log_replay", "idm", "follower", "constant_velocity")


@dataclass(frozen=True)
class Arm:
    """An attack that was run: its rows and its end."""

    rows: list[dict[str, Any]]
    outcome: Outcome

    @property
    def figures(self) -> dict[str, Any]:
        """What it comes to."""
        return dict(figures_of(self.rows))


def run(quick: bool, keep: bool) -> None:
    """Run the three parts, on one thread."""
    torch.set_num_threads(1)
    scenes = packed(6 if quick else None)
    presets(scenes, quick, keep)
    rules(scenes, quick, keep)
    transfer(scenes, quick, keep)


@cache
def packed(limit: int | None = None) -> Scenes:
    """The scenes, up to 32 objects each, with their maps.

    Args:
        limit: The first so many.

    Returns:
        One batch.
    """
    read = [arrange(one) for source in find(DATA)[:limit] for one in source.read()]
    return rasterise(Scenes.concat(read)).to(torch.float32)


def arm(scenes: Scenes, recipe: Recipe, planner: str, *, safe: bool = False) -> Arm:
    """Attack and certify.

    Args:
        scenes: One batch.
        recipe: The attack.
        planner: What drives the ego.
        safe: Weigh the down part by its safe window.

    Returns:
        Rows and end.
    """
    tools = Tools.of(recipe, make_planner(planner), safe=safe)
    outcome = attack(tools, scenes)
    hits = [row for row, status in enumerate(outcome.status) if status == HIT]
    strikers, steps = outcome.striker[hits].tolist(), outcome.hit_step[hits].tolist()
    found = dict(zip(hits, certify(outcome.view, hits, strikers, steps), strict=True))
    rows = rows_of_outcome(tools, outcome, scenes, found)
    return Arm([row | {"trace": row["scene"]} for row in rows], outcome)


def presets(scenes: Scenes, quick: bool, keep: bool) -> None:
    """Each preset against a planner that answers nothing and one that does.

    Args:
        scenes: One batch.
        quick: A few iterations.
        keep: Keep the result beside the code.
    """
    figures = {
        name: {planner: arm(scenes, shorter(recipe, quick), planner).figures for planner in PLANNERS[:2]}
        for name, recipe in PRESETS.items()
    }
    what = f"presets on {len(scenes)} real scenes, all candidates, every hit confirmed"
    record({"name": "scenarios_presets", "what": what, "figures": figures}, __file__, keep=keep)


def rules(scenes: Scenes, quick: bool, keep: bool) -> None:
    """The corrected attack on IDM with each rule left out, and with safe weights.

    Args:
        scenes: One batch.
        quick: A few iterations.
        keep: Keep the result beside the code.
    """
    whole = preset("regents_fixed")
    arms = {"all rules": whole}
    for rule in whole.steering:
        arms[f"without {rule}"] = preset("regents_fixed", {"steering": [one for one in whole.steering if one != rule]})
    arms["half the steering step"] = preset("regents_fixed", {"steering": [*whole.steering, "half_steer"]})
    arms["with a warning of 1.5 s"] = preset("regents_fixed", {"costs": whole.costs | {"warning_time": 20.0}})
    figures = {name: arm(scenes, shorter(recipe, quick), "idm").figures for name, recipe in arms.items()}
    figures["safe weight"] = arm(scenes, shorter(whole, quick), "idm", safe=True).figures
    what = f"the corrected attack on IDM, {len(scenes)} real scenes: each rule left out alone"
    record({"name": "scenarios_rules", "what": what, "figures": figures}, __file__, keep=keep)


def transfer(scenes: Scenes, quick: bool, keep: bool) -> None:
    """Sets made against one planner, driven by the others; and the smallest deviation that catches each.

    Args:
        scenes: One batch.
        quick: A few iterations.
        keep: Keep the result beside the code.
    """
    arms = {planner: arm(scenes, shorter(preset("regents_fixed"), quick), planner) for planner in PLANNERS}
    caught = {name: {planner: caught_by(found, planner) for planner in PLANNERS} for name, found in arms.items()}
    smallest = {
        name: {row["scene"]: row["log_deviation"] for row in best_of_scenes(found.rows)} for name, found in arms.items()
    }
    common = set.intersection(*(set(found) for found in smallest.values()))
    figures = {
        "caught": caught,
        "scenes_hit": {name: found.figures["scenes_hit"] for name, found in arms.items()},
        "scenes_that_catch_all": len(common),
        "deviation_mean_m": {
            name: sum(found[scene] for scene in common) / len(common) if common else None
            for name, found in smallest.items()
        },
    }
    what = f"hits against one planner, replayed with another at the wheel; {len(scenes)} real scenes"
    record({"name": "scenarios_transfer", "what": what, "figures": figures}, __file__, keep=keep)


def caught_by(found: Arm, planner: str) -> dict[str, int]:
    """Put another planner at the wheel in the scenes of an attack.

    Args:
        found: An attack.
        planner: The other planner.

    Returns:
        Jobs with a hit in which it can be judged (it has no contact without the attack), and in which it is hit too.
    """
    outcome, one = found.outcome, make_planner(planner)
    traffic = outcome.traffic
    prepared = one.prepare(traffic)

    def touches(view: View) -> torch.Tensor:
        ego = boxes(one.drive(view, prepared).states, traffic.ego_size).map(lambda value: value[:, None])
        return ((separation(view.moved, ego) <= 0) & view.live).flatten(1).any(1)

    clean = ~touches(View(traffic, traffic.driven, outcome.actions, traffic.ego_log))
    hits = torch.tensor([status == HIT for status in outcome.status]) & clean
    return {"judged": int(hits.sum()), "hit": int((hits & touches(outcome.view)).sum())}


def shorter(recipe: Recipe, quick: bool) -> Recipe:
    """The recipe, or a few of its iterations.

    Args:
        recipe: An attack.
        quick: Whether a few will do.

    Returns:
        The attack to run.
    """
    values = {name: getattr(recipe, name) for name in recipe.__dataclass_fields__}
    return Recipe(**values | {"iterations": 8 if quick else recipe.iterations})
