"""Charts of certificates over the steps: alignment, parts, the weight of the down part, the ladder of κ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Chart

Row = Mapping[str, Any]

PARTS = ("up", "down", "anchor")
RUNGS = {
    "global": "kappa",
    "layer": "kappa_layer",
    "head": "kappa_head",
    "row": "kappa_row",
    "coordinate": "kappa_coordinate",
}
"""Granularities, coarse to fine, and the key of each in a row."""


def number(value: Any) -> float | None:
    """Return a finite number, or None for anything else.

    Args:
        value: What a row holds.

    Returns:
        The number.

    Example:
        >>> number(2), number(float("inf")), number(None)
        (2.0, None, None)
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def alignment_over_time(rows: Sequence[Row]) -> Chart:
    """Draw the cosine of the whole step, for the batch that made it and for another one.

    Args:
        rows: Certificates in order of their steps.

    Returns:
        The chart.
    """
    lines = {
        "another batch": [number(row.get("cos")) if row.get("independent") != "in_batch" else None for row in rows],
        "own batch": [number((row.get("in_batch") or {}).get("cos")) for row in rows],
    }
    data = [_line(rows, name, values, "step %{x}<br>cos %{y:.4f}") for name, values in lines.items() if any_of(values)]
    layout = {"xaxis": _steps(), "yaxis": {"title": {"text": "cos ψ"}}}
    text = "cos ψ between the step that was applied and the negative gradient; below zero the step went up the loss. "
    text += "On the step's own batch the cosine is flattering: plain SGD is 1 by construction. Trust the other line. "
    text += "ψ depends on the coordinates the weights are written in: compare runs of the same model only."
    return Chart("Alignment of the whole step", {"data": data, "layout": layout}, text)


def effects_over_time(rows: Sequence[Row]) -> Chart:
    """Draw what each part of the objective gained by each step.

    Args:
        rows: Certificates in order of their steps.

    Returns:
        The chart.
    """
    data = [
        _line(rows, part, [effect(row, part) for row in rows], "step %{x}<br>%{y:+.3e}", markers=True)
        for part in PARTS
        if any_of([effect(row, part) for row in rows])
    ]
    layout = {"xaxis": _steps(), "yaxis": {"title": {"text": "drop of the part's loss"}, "zeroline": True}}
    text = "To first order, how far each step lowered the loss of each part. Above zero the part improved: up raised "
    text += "what is wanted, down lowered what is not wanted, anchor came closer to its reference. A step that goes "
    text += "down their sum may still harm one of them."
    return Chart("What each part gained by each step", {"data": data, "layout": layout}, text)


def weight_over_time(rows: Sequence[Row]) -> Chart:
    """Draw the weight of the down part and the window of weights at which every part gains.

    Args:
        rows: Certificates in order of their steps.

    Returns:
        The chart, on a logarithmic axis.
    """
    keys = ("lambda_lo", "lambda_hi", "down_weight", "safe_weight")
    seen = [value for row in rows for key in keys if (value := number(row.get(key))) is not None and value > 0]
    # An open end of the window has no place on a logarithmic axis: it ends beyond everything else.
    floor, ceiling = (min(seen) / 3, max(seen) * 3) if seen else (0.1, 10.0)
    known = [row for row in rows if row.get("lambda_lo") is not None and row.get("lambda_hi") is not None]
    low = [max(floor, number(row["lambda_lo"]) or 0.0) for row in known]
    high = [min(ceiling, number(row["lambda_hi"]) or ceiling) for row in known]
    band = {
        "type": "bar",
        "name": "every part gains",
        "x": [row["step"] for row in known],
        "base": low,
        "y": [upper - lower for lower, upper in zip(low, high, strict=True)],
        "opacity": 0.3,
        "customdata": [[row["lambda_lo"], _weight(row["lambda_hi"])] for row in known],
        "hovertemplate": "step %{x}<br>every part gains between %{customdata[0]:.3g} and %{customdata[1]}"
        "<extra></extra>",
    }
    lines = {"weight used": "down_weight", "weight in the middle": "safe_weight"}
    data = [band]
    for name, key in lines.items():
        values = [number(row.get(key)) for row in rows]
        if any_of(values):
            data.append(_line(rows, name, values, "step %{x}<br>λ %{y:.4g}"))
    axis = {"type": "log", "range": [math.log10(floor), math.log10(ceiling)], "title": {"text": "weight λ"}}
    axis |= {"tickformat": "~g"} | ({"dtick": "D2"} if ceiling < 1000 * floor else {})
    text = "The band holds the weights of the down part at which, to first order, every part would have gained by the "
    text += "step. Above it the parts to keep are harmed, below it the down part is not pushed down. No band: there is "
    text += f"no such weight, or it was not measured. {_sources(rows)}"
    return Chart(
        "Weight of the down part", {"data": data, "layout": {"xaxis": _steps(), "yaxis": axis, "bargap": 0}}, text
    )


def ladder_over_time(rows: Sequence[Row]) -> Chart:
    """Draw the least κ at each granularity.

    Args:
        rows: Certificates in order of their steps, each with the figures of one gradient.

    Returns:
        The chart, on a logarithmic axis, with gaps where there is no certificate.
    """
    data: list[dict[str, Any]] = []
    shares: list[str] = []
    for rung, key in RUNGS.items():
        asked = [row for row in rows if row.get(key) is not None and not math.isnan(row[key])]
        if not asked:
            continue
        exists = sum(math.isfinite(row[key]) for row in asked)
        shares.append(f"{rung} {exists} of {len(asked)}")
        data.append(_line(rows, rung, [number(row.get(key)) for row in rows], "step %{x}<br>κ %{y:.4g}", markers=True))
    axis = {"type": "log", "title": {"text": "least κ"}, "tickformat": "~g"}
    text = "The least condition number of a symmetric positive definite matrix that turns the negative gradient into "
    text += "the step, with one bound for all blocks. A gap: no such matrix, because some block goes against its "
    text += f"gradient. Logged steps with a certificate: {', '.join(shares) or 'none'}. κ of the whole step is its "
    text += "cosine again; what it adds is how much it grows from one rung to the next. Small is not better: Newton's "
    text += "direction on a narrow valley has a large κ."
    return Chart("The ladder of κ", {"data": data, "layout": {"xaxis": _steps(), "yaxis": axis}}, text)


def effect(row: Row, part: str) -> float | None:
    """What a part gained by a step.

    Args:
        row: A certificate.
        part: Its name.

    Returns:
        First-order drop of the part's loss; None if it was not measured.
    """
    return number((row.get("effect") or {}).get(part))


def any_of(values: Sequence[float | None]) -> bool:
    """Whether there is anything to show.

    Args:
        values: Numbers and gaps.

    Returns:
        True if one is not a gap.
    """
    return any(value is not None for value in values)


def _line(
    rows: Sequence[Row], name: str, values: Sequence[float | None], hover: str, *, markers: bool = False
) -> dict[str, Any]:
    # A single point, or one between two gaps, has no line.
    mode = "lines+markers" if markers or len(rows) < 3 else "lines"
    line = {"type": "scatter", "name": name, "x": [row["step"] for row in rows], "y": list(values), "mode": mode}
    return line | {"marker": {"size": 4}, "connectgaps": False, "hovertemplate": f"{hover}<extra>{name}</extra>"}


def _steps() -> dict[str, Any]:
    return {"title": {"text": "step"}, "zeroline": False}


def _weight(value: float) -> str:
    return "any" if math.isinf(value) else f"{value:.3g}"


def _sources(rows: Sequence[Row]) -> str:
    words = {
        "optimizer": "the optimizer's own scaling",
        "least_kappa": "the matrix of least κ that turns the gradient into the step",
        "euclidean": "plain gradients, as the step went up the loss",
    }
    used = dict.fromkeys(str(row["window_from"]) for row in rows if row.get("window_from"))
    return f"It is computed with {', or '.join(words.get(name, name) for name in used)}." if used else ""
