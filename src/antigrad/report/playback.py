"""One scene as compact JSON: whole centimetres and milliradians around its middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from antigrad.core.errors import InputValueError
from antigrad.core.page import Actor, PlayedScene, Track
from antigrad.report.numbers import show


def scene_view(scene: PlayedScene) -> dict[str, Any]:
    """What the script needs to play a scene.

    Args:
        scene: The scene.

    Returns:
        Mapping of texts and numbers; lengths in cm from the middle, angles in mrad.

    Raises:
        InputValueError: Tracks or lines differ in length, or nobody is there.
    """
    steps = _steps(scene)
    middle = _middle(scene)
    return {
        "label": scene.label,
        "verdict": scene.verdict,
        "tone": scene.tone,
        "dt": scene.step,
        "steps": steps,
        "start": max(0, min(scene.start, steps - 1)),
        "facts": [[key, show(value)] for key, value in scene.facts.items()],
        "actors": [_actor(actor, middle) for actor in scene.actors],
        "lines": [
            {"label": line.label, "unit": line.unit, "values": _milli(line.values), "before": _milli(line.before)}
            for line in scene.lines
        ],
        "marks": [{"label": mark.label, "at": mark.at, "tone": mark.tone} for mark in scene.marks],
        "edges": [_points(line, middle) for line in scene.edges],
        "areas": [_points(line, middle) for line in scene.areas],
    }


def _steps(scene: PlayedScene) -> int:
    tracks = [track for actor in scene.actors for track in (actor.now, actor.before)]
    lengths = {len(part) for track in tracks for part in (track.x, track.y, track.yaw)}
    lengths |= {len(part) for line in scene.lines for part in (line.values, line.before)}
    lengths -= {0}
    if len(lengths) != 1:
        raise InputValueError(
            f"tracks of {sorted(lengths)} steps in {scene.label!r}", "one length", "run the job again"
        )
    return lengths.pop()


def _middle(scene: PlayedScene) -> tuple[float, float]:
    # Of the ego, or of whoever comes first; so that figures on the page are short.
    first = min(scene.actors, key=lambda actor: actor.role != "ego")
    place = [(x, y) for x, y in zip(first.now.x, first.now.y, strict=True) if x is not None and y is not None]
    return place[len(place) // 2] if place else (0.0, 0.0)


def _actor(actor: Actor, middle: tuple[float, float]) -> dict[str, Any]:
    return {
        "label": actor.label,
        "role": actor.role,
        "length": actor.length,
        "width": actor.width,
        "now": _track(actor.now, middle),
        "before": _track(actor.before, middle),
    }


def _track(track: Track, middle: tuple[float, float]) -> list[list[int | None]]:
    return [_scaled(track.x, 100, middle[0]), _scaled(track.y, 100, middle[1]), _scaled(track.yaw, 1000)]


def _scaled(values: Sequence[float | None], scale: float, zero: float = 0.0) -> list[int | None]:
    return [None if value is None else round(scale * (value - zero)) for value in values]


def _milli(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else round(value, 3) for value in values]


def _points(line: Sequence[float], middle: tuple[float, float]) -> list[int]:
    return [round(100 * (value - middle[place % 2])) for place, value in enumerate(line)]
