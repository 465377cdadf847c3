"""One picture of a gallery as compact JSON; only pictures that are data are let through."""

from __future__ import annotations

import re
from typing import Any

from antigrad.core.errors import InputValueError
from antigrad.core.page import Layer, PictureGroup
from antigrad.report.numbers import show

_DATA = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+")


def picture_view(group: PictureGroup) -> dict[str, Any]:
    """What the script needs to draw a picture and its maps.

    Args:
        group: The picture, its maps and facts.

    Returns:
        Mapping of texts.
    """
    return {
        "label": group.label,
        "picture": _data(group.picture),
        "facts": [[key, show(value)] for key, value in group.facts.items()],
        "layers": [_layer(layer) for layer in group.layers],
    }


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "label": layer.label,
        "note": layer.note,
        "size": _data(layer.size),
        "signed": _data(layer.signed) if layer.signed else "",
        "stages": [{"picture": _data(stage.picture), "note": stage.note} for stage in layer.stages],
    }


def _data(text: str) -> str:
    if not _DATA.fullmatch(text):
        raise InputValueError(f"picture {text[:40]!r}", "data:image/png or jpeg in base64", "run the job again")
    return text
