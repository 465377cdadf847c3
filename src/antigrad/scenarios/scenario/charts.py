"""Charts of one attacked scene: the plan, before and after; and gap, deviation and escapes over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor

from antigrad.core.page import Chart
from antigrad.core.runs import RunFolder
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.gap import boxes, corners, gap

_AROUND = 60.0
"""m around the contact that the plan shows."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A scene as a job left it.

    Args:
        before: (A, T, 3) recorded x, y, yaw.
        valid: (A, T) True where recorded.
        after: (A, T, 3) at the end.
        there: (A, T) True where an object is at the end.
        size: (A, 2) m.
        ego_before: (T, 3) the ego without an attack.
    """

    before: Tensor
    valid: Tensor
    after: Tensor
    there: Tensor
    size: Tensor
    ego_before: Tensor


def scene_of(run: RunFolder, row: dict[str, Any]) -> Scene:
    """Put a scene together from its trace.

    Args:
        run: The run.
        row: A job.

    Returns:
        Before and after.
    """
    trace, job = load(run.artifact(row["trace"]).read_bytes()), f"job{row['job']}/"
    after, there = trace["before"].clone(), trace["valid"].clone()
    after[0], there[0] = trace[f"{job}ego"], trace["ego_there"]
    after[trace[f"{job}movers"]] = trace[f"{job}states"]
    there[trace[f"{job}movers"]] = trace[f"{job}there"]
    return Scene(trace["before"], trace["valid"], after, there, trace["size"], trace["ego_before"])


def plan(run: RunFolder, row: dict[str, Any]) -> Chart:
    """The scene from above: paths before and after, boxes at the contact.

    Args:
        run: The run.
        row: A hit, the one its trace is of.

    Returns:
        The chart.
    """
    scene = scene_of(run, row)
    striker, step = int(row["striker"]), int(row["contact_step"])
    after, there = scene.after, scene.there
    lines: list[dict[str, Any]] = []
    others = [n for n in there.any(1).nonzero()[:, 0].tolist() if n not in (0, striker)]
    x: list[float | None] = []
    y: list[float | None] = []
    for number in others:
        if bool(there[number, step]):
            outline = _outline(after[number, step], scene.size[number])
            x, y = [*x, *outline[0], None], [*y, *outline[1], None]
    lines.append(_line("others at the contact", x, y, color="#8a8f98", width=1))
    lines.append(_path("ego without attack", scene.ego_before, there[0], dash="dot"))
    lines.append(_path("ego", after[0], there[0]))
    lines.append(_path("striker as recorded", scene.before[striker], scene.valid[striker], dash="dot"))
    lines.append(_path("striker", after[striker], there[striker]))
    for name, number in (("ego at the contact", 0), ("striker at the contact", striker)):
        lines.append(_line(name, *_outline(after[number, step], scene.size[number]), width=2))
    centre = after[0, step]
    axes = {
        "xaxis": {"title": {"text": "x, m"}, "range": _range(centre[0])},
        "yaxis": {"title": {"text": "y, m"}, "range": _range(centre[1]), "scaleanchor": "x"},
    }
    verdict = row.get("verdict") or "not certified"
    text = f"{row['striker_name']} ({row['striker_kind']}) at {row['contact_s']:.1f} s, {row['class']}; {verdict}."
    return Chart(f"{row['scene']}: seen from above", {"data": lines, "layout": {"height": 520, **axes}}, text)


def timeline(run: RunFolder, row: dict[str, Any]) -> Chart:
    """Gap to the ego, distance from the record, and how many escapes were open, over time.

    Args:
        run: The run.
        row: A hit.

    Returns:
        The chart.
    """
    scene, striker, dt = scene_of(run, row), int(row["striker"]), float(row["dt"])
    both = scene.there[striker] & scene.there[0]
    time = (torch.arange(len(both)) * dt)[both].tolist()
    mine, ego = (_boxes(scene.after[n], scene.size[n]) for n in (striker, 0))
    room = gap(mine, ego)[both].tolist()
    off = (scene.after[striker, :, :2] - scene.before[striker, :, :2]).norm(dim=-1)
    recorded = scene.valid[striker] & scene.there[striker]
    lines = [
        _line("gap to the ego, m", time, room),
        _line("off the record, m", (torch.arange(len(both)) * dt)[recorded].tolist(), off[recorded].tolist()),
    ]
    if row.get("open"):
        lines.append(_line("escapes open (of 25)", row["open_s"], row["open"], width=1, dash="dash"))
    marks = [("contact", row["contact_s"]), ("last safe start", row.get("last_s")), ("visible", row.get("seen_s"))]
    shapes = [
        {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": {"dash": "dot", "width": 1}}
        for _, at in marks
        if at is not None
    ]
    notes = [
        {"x": at, "y": 1 - 0.08 * place, "yref": "paper", "text": name, "showarrow": False, "xanchor": "left"}
        for place, (name, at) in enumerate(marks)
        if at is not None
    ]
    layout: dict[str, Any] = {"xaxis": {"title": {"text": "time, s"}}, "shapes": shapes, "annotations": notes}
    text = "; ".join(f"{a:.1f} to {b:.1f} s: {lost:+.1f} s" for a, b, lost in row.get("ledger", []))
    told = f"What the striker's driving took from the ego's last safe start: {text}." if text else ""
    return Chart(f"{row['scene']}: over time", {"data": lines, "layout": layout}, told)


def _boxes(pose: Tensor, size: Tensor) -> Any:
    x, y, yaw = pose.unbind(-1)
    return boxes(States(x, y, yaw, torch.zeros_like(x)), size)


def _outline(pose: Tensor, size: Tensor) -> tuple[list[float], list[float]]:
    points = corners(_boxes(pose[None], size))[0][[0, 1, 3, 2, 0]]
    return points[:, 0].tolist(), points[:, 1].tolist()


def _path(name: str, pose: Tensor, valid: Tensor, **style: Any) -> dict[str, Any]:
    return _line(name, pose[valid, 0].tolist(), pose[valid, 1].tolist(), **style)


def _line(name: str, x: Any, y: Any, **style: Any) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": style}


def _range(centre: Tensor) -> list[float]:
    return [float(centre) - _AROUND, float(centre) + _AROUND]
