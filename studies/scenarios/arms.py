"""Arms of the study: an attack against a planner, some scenes at a time; what is done is kept and not run again."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from antigrad.core.files import write_atomic
from antigrad.core.ledger import from_json, to_json
from antigrad.scenarios.attack import attack
from antigrad.scenarios.certificate import certify
from antigrad.scenarios.gap import boxes, separation
from antigrad.scenarios.io import find
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.recipe import Recipe
from antigrad.scenarios.road import rasterise
from antigrad.scenarios.scenario.rows import rows_of_outcome
from antigrad.scenarios.scene import Scenes, arrange
from antigrad.scenarios.tools import HIT, Outcome, Tools
from antigrad.scenarios.traffic import View

ROOT = Path(__file__).absolute().parents[2]
DATA = ROOT.parent / "shared" / "data" / "scenarios" / "womd_gpudrive_json_xz"
PIECES = Path(__file__).parent / "pieces"
"""What is done, one file a piece; git ignores it."""
PLANNERS = ("log_replay", "idm", "follower", "constant_velocity")
BATCH = 8
"""Scenes of a piece. Rows are independent: the figures do not depend on it."""


@dataclass(frozen=True)
class Arm:
    """An attack on all scenes.

    Args:
        recipe: The attack.
        planner: What drives the ego.
        safe: Weigh the down part by its safe window.
    """

    recipe: Recipe
    planner: str
    safe: bool = False


@dataclass(frozen=True)
class Found:
    """What an arm found.

    Args:
        rows: One a job.
        caught: Planner, and the jobs with a hit in which it can be judged, and in which it is hit too.
        nearest: Planner, scene, and the smallest deviation in m with which a job of that scene catches the planner.
    """

    rows: list[dict[str, Any]]
    caught: dict[str, dict[str, int]]
    nearest: dict[str, dict[str, float]]


def run(arm: Arm, limit: int | None = None, *, keep: bool = True) -> Found:
    """Run an arm, or read what is done of it.

    Args:
        arm: The attack.
        limit: The first so many scenes.
        keep: Keep each piece, and take those that are kept.

    Returns:
        Its rows, and whom its hits catch.
    """
    files = find(DATA)[:limit]
    rows: list[dict[str, Any]] = []
    caught = {planner: {"judged": 0, "hit": 0} for planner in PLANNERS}
    nearest: dict[str, dict[str, float]] = {planner: {} for planner in PLANNERS}
    for first in range(0, len(files), BATCH):
        path = PIECES / f"{_name(arm, [str(source.path.name) for source in files[first : first + BATCH]])}.json"
        if keep and path.exists():
            found = from_json(json.loads(path.read_text()))
        else:
            found = _piece(arm, scenes_of(first, min(BATCH, len(files) - first)))
            if keep:
                write_atomic(path, json.dumps(to_json(found)))
        rows += found["rows"]
        for planner, counts in found["caught"].items():
            for key, count in counts.items():
                caught[planner][key] += count
            nearest[planner] |= found["nearest"][planner]
    return Found(rows, caught, nearest)


@cache
def scenes_of(first: int, count: int) -> Scenes:
    """Some of the scenes, up to 32 objects each, with their maps.

    Args:
        first: Number of the first.
        count: How many.

    Returns:
        One batch.
    """
    read = [arrange(one) for source in find(DATA)[first : first + count] for one in source.read()]
    return rasterise(Scenes.concat(read)).to(torch.float32)


def shorter(arm: Arm, iterations: int) -> Arm:
    """The same with fewer iterations.

    Args:
        arm: An arm.
        iterations: At most.

    Returns:
        The shorter arm.
    """
    return replace(arm, recipe=replace(arm.recipe, iterations=min(iterations, arm.recipe.iterations)))


def _piece(arm: Arm, scenes: Scenes) -> dict[str, Any]:
    tools = Tools.of(arm.recipe, make_planner(arm.planner), safe=arm.safe)
    outcome = attack(tools, scenes)
    hits = [row for row, status in enumerate(outcome.status) if status == HIT]
    strikers, steps = outcome.striker[hits].tolist(), outcome.hit_step[hits].tolist()
    found = dict(zip(hits, certify(outcome.view, hits, strikers, steps), strict=True))
    rows = [row | {"trace": row["scene"]} for row in rows_of_outcome(tools, outcome, scenes, found)]
    names = [scenes.records[scene].id for scene in outcome.traffic.scene.tolist()]
    piece: dict[str, Any] = {"rows": rows, "caught": {}, "nearest": {}}
    for planner in PLANNERS:
        judged, hit, deviation = caught_by(outcome, planner)
        piece["caught"][planner] = {"judged": int(judged.sum()), "hit": int(hit.sum())}
        least: dict[str, float] = {}
        for row in hit.nonzero()[:, 0].tolist():
            least[names[row]] = min(least.get(names[row], math.inf), float(deviation[row]))
        piece["nearest"][planner] = least
    return piece


def caught_by(outcome: Outcome, planner: str) -> tuple[Tensor, Tensor, Tensor]:
    """Put another planner at the wheel in the scenes of an attack.

    Args:
        outcome: An attack.
        planner: The other planner.

    Returns:
        (R,) jobs with a hit in which it can be judged: it has no contact without the attack; (R,) those in which it is
        hit too; and (R,) m, the largest distance from its record of the mover that strikes it, up to that contact.
    """
    if not len(outcome):
        return torch.zeros(0, dtype=torch.bool), torch.zeros(0, dtype=torch.bool), torch.zeros(0)
    one, traffic = make_planner(planner), outcome.traffic
    prepared = one.prepare(traffic)

    def touches(view: View) -> Tensor:
        ego = boxes(one.drive(view, prepared).states, traffic.ego_size).map(lambda value: value[:, None])
        return (separation(view.moved, ego) <= 0) & view.live

    judged = ~touches(View(traffic, traffic.driven, outcome.actions, traffic.ego_log)).flatten(1).any(1)
    judged &= torch.tensor([status == HIT for status in outcome.status])
    contact = touches(outcome.view)
    step = torch.where(contact, torch.arange(traffic.steps), traffic.steps).amin(-1)
    first, mover = step.min(1)
    off = torch.hypot(outcome.states.x - traffic.log.states.x, outcome.states.y - traffic.log.states.y)
    counted = traffic.live & (torch.arange(traffic.steps) <= first[:, None, None])
    deviation = torch.where(counted, off, 0.0).amax(-1).gather(1, mover[:, None])[:, 0]
    return judged, judged & (first < traffic.steps), deviation


def _name(arm: Arm, scenes: list[str]) -> str:
    # A piece is kept for one attack, these scenes and this code.
    key = json.dumps([asdict(arm), scenes, _code()], sort_keys=True)
    return hashlib.sha256(key.encode()).hexdigest()[:24]


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for path in sorted((ROOT / "src" / "antigrad" / "scenarios").rglob("*")):
        matters = path.parent.name != "scenario" or path.name == "rows.py"
        if path.suffix in (".py", ".yaml") and matters:
            digest.update(path.read_bytes())
    return digest.hexdigest()
