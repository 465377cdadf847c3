"""One question's responses as compact JSON: only the question on show is ever in the document."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from antigrad.core.page import Response, Token, TokenGroup
from antigrad.report.numbers import show


def group_view(group: TokenGroup) -> dict[str, Any]:
    """What the script needs to draw a group.

    Args:
        group: Responses, facts, threshold.

    Returns:
        Mapping of texts and numbers. `limit` is the largest finite |value| of the group and the end
        of its colour scale; values and threshold are divided by it, so they lie in [-1, 1].
    """
    values = [token.value for response in group.responses for token in response.tokens if token.value is not None]
    limit = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return {
        "label": group.label,
        "prompt": group.prompt,
        "facts": [[key, show(value)] for key, value in group.facts.items()],
        "low": show(-limit) if any(value < 0 for value in values) else None,
        "high": show(limit) if limit > 0 else None,
        "threshold": _share(group.threshold, limit),
        "thresholdText": show(group.threshold),
        "responses": [_response(response, limit) for response in group.responses],
    }


def _response(response: Response, limit: float) -> dict[str, Any]:
    tips = list(dict.fromkeys(key for token in response.tokens for key in token.tip))
    return {
        "label": response.label,
        "tag": response.tag,
        "note": response.note,
        "texts": [token.text for token in response.tokens],
        "shares": [_share(token.value, limit) for token in response.tokens],
        "marked": [number for number, token in enumerate(response.tokens) if token.marked],
        "tipKeys": tips,
        "tips": [_tip(token, tips) for token in response.tokens],
    }


def _tip(token: Token, keys: Sequence[str]) -> list[str | None]:
    return [show(token.tip[key]) if key in token.tip else None for key in keys]


def _share(value: float | None, limit: float) -> float | None:
    # Place on the colour scale; None where there is no colour to show.
    if value is None or math.isnan(value) or limit == 0:
        return None
    return round(max(-1.0, min(1.0, value / limit)), 3)
