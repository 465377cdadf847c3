"""One piece of the job: some scenes, attacked together, certified, in rows and traces. It needs no other piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.scenarios.attack import attack
from antigrad.scenarios.certificate import AVOIDABLE, FORESIGHT, UNAVOIDABLE, Certificate, certify
from antigrad.scenarios.diagnostics import diagnose
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.io import WRITERS, Source
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.road import TOLERATED, off_road_baseline, rasterise
from antigrad.scenarios.scenario.rows import rows_of_outcome
from antigrad.scenarios.scenario.settings import ScenarioConfig
from antigrad.scenarios.scenario.trace import traces_of
from antigrad.scenarios.scene import VEHICLE, Record, Scenes, arrange, with_ego
from antigrad.scenarios.sdf import NO_MAP
from antigrad.scenarios.synthetic import sample
from antigrad.scenarios.tools import HIT, Outcome, Tools


@dataclass(frozen=True)
class Given:
    """What a piece gets.

    Args:
        number: Of the piece.
        sources: Files to read.
        synthetic: (first, count) of synthetic scenes, where there are no files.
    """

    number: int
    sources: Sequence[Source] = ()
    synthetic: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Found:
    """What a piece found.

    Args:
        rows: Of the ledger.
        traces: Tensors of each scene; `place` in a row is a number among them.
        refused: Rows of what could not be read.
        attacked: The scenes with their most dangerous attack, for those that asked to write them.
    """

    rows: list[dict[str, Any]]
    traces: list[dict[str, Tensor]]
    refused: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    attacked: list[Scenes] = field(default_factory=list[Scenes])


def work(config: ScenarioConfig, _: None, given: Given) -> Found:
    """Read, attack and certify the scenes of a piece.

    Args:
        config: The job's.
        _: Nothing is prepared for several pieces.
        given: Which scenes.

    Returns:
        Rows, traces and refusals; the same wherever it runs.
    """
    scenes, refused = read(config, given)
    found = Found([], [], refused)
    for step in sorted({one.dt for one in scenes}):
        same = [one for one in scenes if one.dt == step]
        part = attack_batch(config, Scenes.concat(same))
        found.rows.extend({**row, "place": row["place"] + len(found.traces)} for row in part.rows)
        found.traces.extend(part.traces)
        found.attacked.extend(part.attacked)
    for row in found.rows + refused:
        row["piece"] = given.number
    return found


def read(config: ScenarioConfig, given: Given) -> tuple[list[Scenes], list[dict[str, Any]]]:
    """Read the scenes of a piece.

    Args:
        config: The job's.
        given: Which.

    Returns:
        Batches of one, arranged and rasterised; and a row for each that was refused.
    """

    def prepared(one: Scenes) -> Scenes:
        return rasterise(arrange(_promoted(one), config.max_objects))

    if given.synthetic[1]:
        first, count = given.synthetic
        return [prepared(one) for one in sample(count, config.agents, config.seed, first=first)], []
    scenes: list[Scenes] = []
    refused: list[dict[str, Any]] = []
    for source in given.sources:
        for one in source.each():  # Whatever is wrong with a scene, the others of its file and batch are attacked.
            try:
                if isinstance(one, AntigradError):
                    raise one
                scenes.append(prepared(one))
            except AntigradError as error:
                refused.append({"kind": "refused", "source": str(source.path), "reason": str(error)})
    return scenes, refused


def attack_batch(config: ScenarioConfig, scenes: Scenes) -> Found:
    """Attack scenes of one time step.

    Args:
        config: The job's.
        scenes: Arranged and rasterised, one batch.

    Returns:
        Rows and traces.
    """
    scenes = _mapped(_doubted(scenes)).to(torch.float32)
    recipe = config.recipe()
    planner = make_planner(config.planner, config.deadline)
    tools = Tools.of(recipe, planner, config.refresh, safe=config.weight == "safe")
    outcome = attack(tools, scenes)
    hits = [row for row, status in enumerate(outcome.status) if status == HIT]
    certificates: dict[int, Certificate] = {}
    if config.certify and hits:
        strikers, steps = outcome.striker[hits].tolist(), outcome.hit_step[hits].tolist()
        certificates = dict(zip(hits, certify(outcome.view, hits, strikers, steps), strict=True))
    rows = rows_of_outcome(tools, outcome, scenes, certificates)
    traces = traces_of(outcome, scenes, certificates)
    attacked = [_attacked(outcome, scenes, certificates)] if config.write else []
    return Found(rows, traces, attacked=attacked)


def write_scenes(config: ScenarioConfig, found: Found, folder: Path) -> None:
    """Write attacked scenes in the format that was asked for.

    Args:
        config: The job's.
        found: What a piece found.
        folder: Where; scenes of other time steps go into folders of their own beside it: `-1`, `-2`.
    """
    for number, scenes in enumerate(found.attacked if config.write else []):
        if len(scenes):
            WRITERS.make(config.write)(scenes, folder.with_name(folder.name + f"-{number}" * (number > 0)))


def _promoted(scenes: Scenes) -> Scenes:
    # A source without a logged ego: the vehicle seen longest, and among those the one that drove farthest.
    if scenes.shape[2] < 2:
        raise InputValueError(f"{scenes.records[0].id} with {scenes.shape[2]} state", "2 at least", "leave it out")
    if bool((scenes.ego >= 0).all()):
        return scenes
    seen, driven = scenes.valid.sum(-1), torch.where(scenes.valid, scenes.speed, 0.0).sum(-1) * scenes.dt
    value = torch.where(scenes.kind == VEHICLE, seen * 1e6 + driven, -1.0)
    if bool((value.amax(1) <= 0).any()):
        raise InputValueError(f"no vehicle in {scenes.records[0].id}", "one that can be the ego", "leave the scene out")
    chosen = value.argmax(1)
    note = "no recorded ego: the vehicle seen longest was promoted"
    records = tuple(_noted(record, note) for record in scenes.records)
    return replace(with_ego(scenes, chosen.tolist()), records=records)


def _doubted(scenes: Scenes) -> Scenes:
    # What is doubtful of the reading: a wrong unit or reference point does not crash, it biases.
    found = diagnose(replace(scenes, road=None))  # `_mapped` judges the maps
    records = [
        replace(record, notes={**record.notes, "warnings": list(one.warnings)}) if one.warnings else record
        for record, one in zip(scenes.records, found, strict=True)
    ]
    return replace(scenes, records=tuple(records))


def _mapped(scenes: Scenes) -> Scenes:
    # Take the map away from scenes whose own log is off it: its off-road cost would mean nothing.
    if scenes.road is None:
        return scenes
    share = off_road_baseline(scenes)
    bad = share > TOLERATED
    if not bool(bad.any()):
        return scenes
    values = torch.where(bad[:, None, None].to(scenes.road.values.device), NO_MAP, scenes.road.values)
    records = tuple(
        _noted(record, f"map left out: {part:.0%} of the logged corners are off it") if lost else record
        for record, part, lost in zip(scenes.records, share.tolist(), bad.tolist(), strict=True)
    )
    return replace(scenes, road=replace(scenes.road, values=values), records=records)


def _noted(record: Record, note: str) -> Record:
    return replace(record, notes={**record.notes, "attack": [*record.notes.get("attack", []), note]})


def best_rows(outcome: Outcome, certificates: Mapping[int, Certificate]) -> dict[int, int]:
    """The hit of each scene that is written: avoidable before the rest, then the one closest to the record.

    Args:
        outcome: An attack.
        certificates: Row, and its certificate.

    Returns:
        Number of the scene, and of the row.
    """
    view = outcome.view
    log = view.traffic.log.states
    off = torch.hypot(view.states.x - log.x, view.states.y - log.y)
    deviation = torch.where(view.traffic.live, off, 0.0).amax(-1).gather(1, outcome.striker[:, None])[:, 0].tolist()
    order = {AVOIDABLE: 0, FORESIGHT: 1, UNAVOIDABLE: 2}
    hits = [row for row, status in enumerate(outcome.status) if status == HIT]
    judged = {row: order[one.verdict] for row, one in certificates.items()}
    best: dict[int, int] = {}
    for row in sorted(hits, key=lambda row: (judged.get(row, 9), deviation[row])):
        best.setdefault(int(view.traffic.scene[row]), row)
    return best


def _after(outcome: Outcome, scenes: Scenes, row: int) -> tuple[States, Tensor]:
    # (A, T) all objects of the row's scene as they end, and where they are there.
    traffic, scene = outcome.traffic, int(outcome.traffic.scene[row])
    now = States(*(v[scene].clone() for v in (scenes.xy[..., 0], scenes.xy[..., 1], scenes.yaw, scenes.speed)))
    there = scenes.valid[scene].clone()
    for slot in traffic.moving[row].nonzero()[:, 0].tolist():
        number = int(traffic.mover[row, slot])
        there[number] = traffic.live[row, slot]
        for value, new in zip(now, outcome.states, strict=True):
            value[number] = new[row, slot] * there[number]
    there[0] = traffic.ego_valid[row]
    for value, new in zip(now, outcome.ego, strict=True):
        value[0] = new[row] * there[0]
    return now, there


def _attacked(outcome: Outcome, scenes: Scenes, certificates: Mapping[int, Certificate]) -> Scenes:
    # The scenes that were hit, as they end.
    best = best_rows(outcome, certificates)
    chosen = scenes.select(sorted(best))
    for place, scene in enumerate(sorted(best)):
        now, there = _after(outcome, scenes, best[scene])
        chosen.xy[place] = torch.stack([now.x, now.y], -1)
        chosen.yaw[place], chosen.valid[place] = now.yaw, there
        chosen.vel[place] = torch.stack([now.speed * now.yaw.cos(), now.speed * now.yaw.sin()], -1) * there[..., None]
    return chosen
