"""Making data plain: figures whose texts are only text, numbers that JSON knows."""

from __future__ import annotations

import math
import re
from typing import Any

_TAG = re.compile(r"&lt;(br|extra|/extra)&gt;")
_NOT_FINITE = {"NaN", "Infinity", "-Infinity"}
_TEMPLATES = ("hovertemplate", "texttemplate")


def plain_figure(figure: Any) -> Any:
    """Make every text of a Plotly figure plain: Plotly itself would read tags, links and entities in it.

    Args:
        figure: The figure's JSON, or a part of it.

    Returns:
        A copy where `&`, `<` and `>` show as themselves and a line end is a new line. Hover and text
        templates keep `<br>`, `<extra>` and `</extra>`. A number that is not finite is a gap.

    Example:
        >>> plain_figure({"name": "a<b", "hovertemplate": "%{x}<br>%{y}<extra></extra>"})
        {'name': 'a&lt;b', 'hovertemplate': '%{x}<br>%{y}<extra></extra>'}
    """
    if isinstance(figure, str):
        return _plain_text(figure)
    if isinstance(figure, dict):
        return {key: _template(item) if key in _TEMPLATES else plain_figure(item) for key, item in figure.items()}
    if isinstance(figure, list):
        gap = _NOT_FINITE if any(isinstance(item, int | float) for item in figure) else ()
        return [None if isinstance(item, str) and item in gap else plain_figure(item) for item in figure]
    return figure


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain_text(text: str) -> str:
    return _escaped(text).replace("\n", "<br>")


def _template(value: Any) -> Any:
    if isinstance(value, list):
        return [_template(item) for item in value]
    return _TAG.sub(r"<\1>", _plain_text(value)) if isinstance(value, str) else value


def gaps(value: Any) -> Any:
    """Replace numbers that are not finite, which JSON lacks.

    Args:
        value: What JSON knows, and such numbers.

    Returns:
        The same with None for them.

    Example:
        >>> gaps({"y": [1.0, math.nan, math.inf]})
        {'y': [1.0, None, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: gaps(item) for key, item in value.items()}
    return [gaps(item) for item in value] if isinstance(value, list | tuple) else value
