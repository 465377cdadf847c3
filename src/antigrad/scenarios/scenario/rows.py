"""What the ledger keeps: one row a job, that is a scene, or a candidate of one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from antigrad.geometry.rows import RowCertificates, row_effects, row_interaction, row_windows
from antigrad.scenarios.certificate import Certificate
from antigrad.scenarios.closest import road_depth
from antigrad.scenarios.fault import contact_of, fault_ledger
from antigrad.scenarios.gap import corners
from antigrad.scenarios.metrics import TRAFFIC_METRICS
from antigrad.scenarios.scene import KINDS, Scenes
from antigrad.scenarios.tools import HIT, Outcome, Tools, cost_gradients
from antigrad.scenarios.traffic import View

NO_CANDIDATE = "no candidate"


def rows_of_outcome(
    tools: Tools, outcome: Outcome, scenes: Scenes, certificates: Mapping[int, Certificate]
) -> list[dict[str, Any]]:
    """Rows of an attack.

    Args:
        tools: What it worked with.
        outcome: Its end.
        scenes: What was attacked.
        certificates: Row, and its certificate.

    Returns:
        One a job, and one for each scene without a candidate; `place` is the number of its scene in the batch: names of
        scenes may repeat, as where a folder has one in two formats.
    """
    tables = [_measured(outcome), _geometry(tools, outcome)]
    rows: list[dict[str, Any]] = []
    for row in range(len(outcome)):
        found = _who(outcome, scenes, row)
        for table in tables:
            found |= {name: _plain(value[row]) for name, value in table.items()}
        found |= {"note": outcome.notes.get(row, "")}
        if outcome.status[row] == HIT:
            found |= _collision(tools, outcome, row, certificates.get(row))
        rows.append(found)
    attacked = set(outcome.traffic.scene.tolist())
    left = [scene for scene in range(len(scenes)) if scene not in attacked]
    return rows + [_names(scenes, scene) | {"status": NO_CANDIDATE, "candidates": 0} for scene in left]


def _names(scenes: Scenes, scene: int) -> dict[str, Any]:
    record = scenes.records[scene]
    return {
        "kind": "job",
        "place": scene,
        "scene": record.id,
        "source": record.source,
        "format": record.source.partition(":")[0],
        "objects": int(scenes.present[scene].sum()),
        "notes": list(record.notes.get("attack", [])),
        "warnings": list(record.notes.get("warnings", [])),
    }


def _who(outcome: Outcome, scenes: Scenes, row: int) -> dict[str, Any]:
    traffic, scene = outcome.traffic, int(outcome.traffic.scene[row])
    striker = int(traffic.mover[row, outcome.striker[row]])
    names = scenes.records[scene].objects
    step = int(outcome.hit_step[row])
    return _names(scenes, scene) | {
        "status": outcome.status[row],
        "candidates": int(outcome.candidates[scene].sum()),
        "striker": striker,
        "striker_name": names[striker] if striker < len(names) else str(striker),
        "striker_kind": KINDS[int(traffic.kind[row, striker])],
        "iterations": int(outcome.iteration[row]),
        "contact_s": step * traffic.dt if step >= 0 else None,
        "contact_step": step,
        "dt": traffic.dt,
        "job": int((traffic.scene[:row] == scene).sum()),
        "descended": _plain(outcome.descended[row]),
        "frozen": _plain(outcome.frozen[row]),
        "clipped": _plain(outcome.clipped[row]),
    }


def _measured(outcome: Outcome) -> dict[str, Tensor]:
    # Metrics of the striker up to the contact, and how far it was off the road before the attack.
    view, slot = outcome.view, outcome.striker[:, None]
    until = torch.where(outcome.hit_step >= 0, outcome.hit_step, view.traffic.steps)
    before = View(view.traffic, view.traffic.driven, outcome.actions, outcome.ego_before)
    found: dict[str, Tensor] = {}
    for name, kind in TRAFFIC_METRICS.classes.items():
        metric = kind()
        found[name] = metric(view).worst(metric.danger, until).gather(1, slot)[:, 0]
        if name in ("ego_gap", "off_road", "third_gap"):
            found[f"{name}_before"] = metric(before).worst(metric.danger).gather(1, slot)[:, 0]
    return found


def _geometry(tools: Tools, outcome: Outcome) -> dict[str, Tensor]:
    # What the last update did to each cost, and the window of weights in which both parts gain.
    if not len(outcome):
        return {}
    update = outcome.update.transpose(0, 1).flatten(1)
    found: dict[str, Tensor] = {}
    parts = {part: torch.zeros_like(update) for part in ("anchor", "down")}
    for text, cost, value, gradient in cost_gradients(tools, outcome):
        descent = -gradient.nan_to_num().transpose(0, 1).flatten(1)
        found |= {f"cost/{text}": value, f"effect/{text}": row_effects(update, {text: descent})[text]}
        parts[cost.part] = parts[cost.part] + tools.recipe.costs.get(text, 0.0) * descent
    steps = torch.tensor([tools.recipe.step_first, tools.recipe.step_second], dtype=torch.float64).square()
    scale = steps.repeat_interleave(update.shape[1] // 2)
    windows = row_windows(row_interaction(parts, scale))
    certificate = RowCertificates.of(update, parts["anchor"] + parts["down"])
    found |= {"safe_low": windows.low, "safe_high": windows.high, "cos": certificate.cos, "kappa": certificate.kappa}
    return found


def _collision(tools: Tools, outcome: Outcome, row: int, certificate: Certificate | None) -> dict[str, Any]:
    view, slot, step = outcome.view, int(outcome.striker[row]), int(outcome.hit_step[row])
    own = corners(view.ego_box.map(lambda value: value[row : row + 1, 0]))
    off_road = bool((road_depth(view.traffic.take(torch.tensor([row])), own)[0, step] > 0.3).any())
    contact = contact_of(view, row, slot, step, off_road=off_road)
    found: dict[str, Any] = {
        "class": contact.kind,
        "ego_at_fault": contact.at_fault,
        "zone": contact.zone,
        "ego_strikes": contact.ego_strikes,
        "ego_closing": contact.ego_closing,
        "striker_closing": contact.other_closing,
    }
    if certificate is not None:
        found |= {
            "verdict": certificate.verdict,
            "seen_s": certificate.seen,
            "last_s": certificate.last,
            "lead_s": certificate.lead,
            "braking": certificate.braking,
            "manoeuvre": None if certificate.manoeuvre is None else list(certificate.manoeuvre),
            "open": certificate.open.flip(0).tolist(),
            "open_s": [step * view.traffic.dt for step in certificate.starts.flip(0).tolist()],
            "ledger": [
                [entry.start, entry.end, entry.lost, int(view.traffic.mover[row, entry.who])]
                for entry in fault_ledger(outcome, tools.vehicle, row)
                if entry.lost != 0
            ],
        }
    return found


def _plain(value: Tensor) -> float | None:
    number = float(value)
    return None if math.isnan(number) else number
