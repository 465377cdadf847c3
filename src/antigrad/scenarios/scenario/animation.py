"""Moving pictures of attacked scenes: the ego, the striker, and where both would have been."""

from __future__ import annotations

import io

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from antigrad.scenarios.dynamics import States
from antigrad.scenarios.gap import boxes, corners
from antigrad.scenarios.scenario.trace import Ended
from antigrad.scenarios.scenario.video import film

SIDE, AROUND = 480, 45.0
"""Pixels, and metres to each side of the ego."""
_PAPER, _ROAD, _EDGE, _OTHER, _GHOST = "#f7f7f5", "#ebebe6", "#8f949c", "#b9bdc4", "#d9a76a"
_EGO, _STRIKER, _HIT = "#1d7f5f", "#c2410c", "#b91c1c"


def frames(scene: Ended, striker: int, contact: int, every: int = 2, dt: float = 0.1) -> list[Image.Image]:
    """Draw a scene from above, the ego in the middle.

    Args:
        scene: Before and after.
        striker: Number of the object.
        contact: Step of the contact.
        every: Steps from one picture to the next.
        dt: s of a step.

    Returns:
        One picture each, up to a second after the contact.
    """
    after, before = _outlines(scene.after, scene.size), _outlines(scene.before, scene.size)
    last = min(scene.after.shape[1], contact + 11)
    return [_frame(scene, (after, before), striker, step, dt, struck=step >= contact) for step in range(0, last, every)]


def animation(pictures: list[Image.Image], seconds: float, kind: str = "webp") -> bytes:
    """Join pictures to a moving one.

    Args:
        pictures: At least one.
        seconds: Each is shown.
        kind: `webp`, `gif`, or `mp4`.

    Returns:
        The file.
    """
    if kind == "mp4":
        return film(pictures, seconds)
    buffer = io.BytesIO()
    first, rest = pictures[0], pictures[1:]
    first.save(buffer, kind.upper(), save_all=True, append_images=rest, duration=round(1000 * seconds), loop=0)
    return buffer.getvalue()


def _outlines(pose: Tensor, size: Tensor) -> Tensor:
    # (A, T, 4, 2) m, corners in the order of a ring.
    x, y, yaw = pose.unbind(-1)
    return corners(boxes(States(x, y, yaw, torch.zeros_like(x)), size))[..., [0, 1, 3, 2], :]


def _frame(
    scene: Ended, rings: tuple[Tensor, Tensor], striker: int, step: int, dt: float, *, struck: bool
) -> Image.Image:
    after, before = rings
    picture = Image.new("RGB", (SIDE, SIDE), _PAPER)
    pen, centre = ImageDraw.Draw(picture), scene.after[0, step, :2]

    def pixels(points: Tensor) -> list[tuple[float, float]]:
        place = (points - centre) / AROUND * torch.tensor([1.0, -1.0]) * SIDE / 2 + SIDE / 2
        return [(x, y) for x, y in place.tolist()]

    def put(ring: Tensor, colour: str, *, filled: bool) -> None:
        pen.polygon(pixels(ring), fill=colour if filled else None, outline=colour)

    for area in scene.areas:
        if len(area) > 2:
            put(area, _ROAD, filled=True)
    for line in scene.edges:
        pen.line(pixels(line), fill=_EDGE)
    for number in scene.there[:, step].nonzero()[:, 0].tolist():
        if number not in (0, striker):
            put(after[number, step], _OTHER, filled=True)
    if bool(scene.valid[striker, step]):
        put(before[striker, step], _GHOST, filled=False)
    if bool(scene.there[striker, step]):
        put(after[striker, step], _HIT if struck else _STRIKER, filled=True)
    put(after[0, step], _HIT if struck else _EGO, filled=True)
    pen.text((8, 8), f"{step * dt:.1f} s", fill="#333333")
    return picture
