"""Attacked scenes for the page: who is where, before and after; gap, road and escapes over time; the verdict."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from antigrad.core.page import Actor, Line, Mark, PlayedScene, Track
from antigrad.core.runs import RunFolder
from antigrad.scenarios.certificate import AVOIDABLE, FORESIGHT
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.gap import Box, boxes, gap
from antigrad.scenarios.scenario.trace import Ended, ended

_AHEAD = 2.5
"""s before the contact at which a scene is shown first."""
_FAR = 15.0
"""m of gap that the timeline shows."""


def played(run: RunFolder, row: dict[str, Any]) -> PlayedScene:
    """A scene that was hit, as the page plays it.

    Args:
        run: The run.
        row: A hit.

    Returns:
        The scene.
    """
    scene, striker, dt = ended(run, row).seen(), int(row["striker"]), float(row["dt"])
    return PlayedScene(
        label=row["scene"],
        verdict=_verdict(row),
        tone="bad" if row.get("verdict") == AVOIDABLE else "neutral",
        step=dt,
        start=max(0, int(row["contact_step"]) - round(_AHEAD / dt)),
        actors=_actors(scene, striker, row),
        lines=_lines(scene, striker, row),
        marks=_marks(row),
        edges=[_flat(line) for line in scene.edges],
        areas=[_flat(area) for area in scene.areas],
        facts=_facts(row),
    )


def _verdict(row: dict[str, Any]) -> str:
    name = _name(row)
    who = f"{name[0].upper()}{name[1:]} and the ego touch at {row['contact_s']:.1f} s"
    verdict = row.get("verdict")
    if verdict is None:
        return f"Not certified. {who}."
    if row["last_s"] is None:
        return f"Unavoidable in this lattice: no escape was open at any time. {who}."
    open_until = f"an escape was open until {row['last_s']:.1f} s, {row['lead_s']:.1f} s before the contact"
    if verdict == FORESIGHT:
        visible = f"but the attack could be seen at {row['seen_s']:.1f} s only"
        return f"Needs foresight: {open_until}, {visible}. {who}."
    return f"Avoidable: {open_until}. {who}."


def _name(row: dict[str, Any]) -> str:
    # Of the striker; a number alone says nothing.
    name = str(row["striker_name"])
    return name if any(sign.isalpha() for sign in name) else f"{row['striker_kind']} {name}"


def _signed(value: float, form: str) -> str:
    return format(value, form).replace("-", "−")


def _facts(row: dict[str, Any]) -> dict[str, float | str | None]:
    took: dict[str, list[str]] = {}
    for a, b, lost, who in row.get("ledger", []):
        name = "the adversary" if who == row["striker"] else f"object {who}"
        took.setdefault(name, []).append(f"{a:.1f} to {b:.1f} s: {_signed(lost, '+.1f')} s")
    facts: dict[str, float | str | None] = {
        "contact": f"{row['class']}, {row['zone']}",
        "ego's fault": "yes" if row["ego_at_fault"] else "no",
        "off the record, m": row["log_deviation"],
        "iterations": row["iterations"],
    }
    if row.get("manoeuvre"):
        along, across = row["manoeuvre"]
        facts["mildest escape"] = f"{_signed(along, 'g')} m/s² along, {_signed(across, 'g')} m/s² across"
        facts["braking alone"] = "suffices" if row["braking"] else "does not suffice"
    for name, stretches in took.items():
        facts[f"what {name} took from the last safe start"] = "; ".join(stretches)
    return facts


def _actors(scene: Ended, striker: int, row: dict[str, Any]) -> list[Actor]:
    found: list[Actor] = []
    for number in scene.there.any(1).nonzero()[:, 0].tolist():
        length, width = scene.size[number].tolist()
        now = _track(scene.after[number], scene.there[number])
        before = Track()
        if number == 0:
            before = _track(scene.ego_before, scene.there[0])
        elif number in scene.moved:
            before = _track(scene.before[number], scene.valid[number])
        role = "ego" if number == 0 else "adversary" if number == striker else "other"
        name = "ego" if number == 0 else _name(row) if number == striker else str(number)
        found.append(Actor(name, role, length, width, now, before))
    if scene.escape is not None:
        pose, there = torch.zeros_like(scene.ego_before), torch.zeros_like(scene.there[0])
        first = round(row["last_s"] / row["dt"]) + 1
        held = min(len(scene.escape), len(pose) - first)
        pose[first : first + held], there[first : first + held] = scene.escape[:held], True
        length, width = scene.size[0].tolist()
        found.append(Actor("escape", "escape", length, width, _track(pose, there)))
    return found


def _lines(scene: Ended, striker: int, row: dict[str, Any]) -> list[Line]:
    both = scene.there[striker] & scene.there[0]
    known = scene.valid[striker] & scene.there[striker]
    apart = _gap(scene, scene.after[striker], scene.after[0], striker)
    was = _gap(scene, scene.before[striker], scene.ego_before, striker)
    off = (scene.after[striker, :, :2] - scene.before[striker, :, :2]).norm(dim=-1)
    every = torch.ones_like(both)
    lines = [
        Line(
            f"signed gap to the ego (up to {_FAR:.0f} m)",
            "m",
            _values(apart.clamp(max=_FAR), both),
            _values(was.clamp(max=_FAR), scene.valid[striker] & scene.there[0]),
        ),
        Line("adversary off its record", "m", _values(off, known)),
    ]
    if bool(scene.off_road.isfinite().any()):
        before, after = (_values(depth, every) for depth in scene.off_road)
        lines.append(Line("adversary off the road", "m", after, before))
    if row.get("open"):
        lines.append(Line("escapes open", "", _held(row, len(both))))
    return lines


def _held(row: dict[str, Any], steps: int) -> list[float | None]:
    # Number of escapes at each step: that of the last start tried.
    found: list[float | None] = [None] * steps
    for at, count in zip(row["open_s"], row["open"], strict=True):
        first = round(at / row["dt"])
        found[first : int(row["contact_step"]) + 1] = [count] * (int(row["contact_step"]) + 1 - first)
    return found


def _marks(row: dict[str, Any]) -> list[Mark]:
    moments = [
        Mark("attack visible", row["seen_s"]) if row.get("seen_s") is not None else None,
        Mark("last safe start", row["last_s"], "good") if row.get("last_s") is not None else None,
        Mark("contact", row["contact_s"], "bad"),
    ]
    return [mark for mark in moments if mark is not None]


def _gap(scene: Ended, one: Tensor, ego: Tensor, striker: int) -> Tensor:
    return gap(_boxes(one, scene.size[striker]), _boxes(ego, scene.size[0]))


def _boxes(pose: Tensor, size: Tensor) -> Box:
    x, y, yaw = pose.unbind(-1)
    return boxes(States(x, y, yaw, torch.zeros_like(x)), size)


def _track(pose: Tensor, there: Tensor) -> Track:
    x, y, yaw = (_values(value, there) for value in pose.unbind(-1))
    return Track(x, y, yaw)


def _values(value: Tensor, there: Tensor) -> list[float | None]:
    some = there & value.isfinite()
    return [round(number, 3) if known else None for number, known in zip(value.tolist(), some.tolist(), strict=True)]


def _flat(points: Tensor) -> list[float]:
    return [round(value, 2) for value in points.flatten().tolist()]
