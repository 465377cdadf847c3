"""The layers of a model on the page: a heat map, and a table with the least aligned first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from antigrad.core.page import Chart, Column, Table
from antigrad.geometry.page.charts import Row, number

_STEPS_SHOWN = 400
_LAYER_HEIGHT = 15
_LONGEST_LABEL = 26


def heat_map(
    title: str,
    cosines: Mapping[str, Sequence[float | None]],
    columns: Sequence[float | str],
    text: str,
    *,
    hover: str,
) -> Chart:
    """Draw one cosine a layer and column: blue along the descent, orange against it, blank where unknown.

    Args:
        title: Heading.
        cosines: Layers from top to bottom, a cosine or None for each column.
        columns: What the columns are: steps, or names.
        text: Words above the chart.
        hover: What a column is called when a reader points at it.

    Returns:
        The chart; its height grows with the number of layers.
    """
    sizes = sorted(abs(value) for line in cosines.values() for value in line if value is not None)
    # A few layers of extreme cosine must not wash out all the others.
    limit = (sizes[math.ceil(0.98 * len(sizes)) - 1] if sizes else 0.0) or 1.0
    labels = _labels(list(cosines))
    data = {
        "type": "heatmap",
        "x": list(columns),
        "y": list(cosines),
        "z": [[None if value is None else round(value, 4) for value in line] for line in cosines.values()],
        "zmin": -limit,
        "zmax": limit,
        "autocolorscale": True,
        "reversescale": True,  # the report's scale has what hurts at its upper end
        "hoverongaps": False,
        "hovertemplate": "%{y}<br>" + hover + " %{x}<br>cos %{z:.4f}<extra></extra>",
        "colorbar": {"orientation": "h", "lenmode": "pixels", "len": 180, "x": 0, "xanchor": "left"}
        | {
            "yref": "container",
            "y": 1,
            "yanchor": "top",
            "ypad": 6,
            "tickvals": [-limit, 0, limit],
            "tickformat": ".2g",
        },
    }
    across = {"side": "top", "showgrid": False}
    down = {"autorange": "reversed", "type": "category", "showgrid": False, "zeroline": False, "automargin": False}
    # All the names, however many: plotly by itself shows only some of them.
    down |= {"tickvals": list(cosines), "ticktext": labels, "tickfont": {"size": 10}}
    layout = {
        "height": max(240, 90 + _LAYER_HEIGHT * len(cosines)),
        "margin": {"t": 70, "b": 16, "l": 16 + 6 * max(map(len, labels), default=0), "r": 16},
        "xaxis": across | ({"type": "category"} if isinstance(columns[0], str) else {}),
        "yaxis": down,
    }
    return Chart(title, {"data": [data], "layout": layout}, text)


def layers_over_time(rows: Sequence[Row]) -> Chart:
    """Draw the alignment of each layer over the steps.

    Args:
        rows: Certificates in order of their steps.

    Returns:
        The heat map.
    """
    names = list(dict.fromkeys(name for row in rows for name in row.get("block_cos") or {}))
    together = math.ceil(len(rows) / _STEPS_SHOWN)
    groups = [rows[start : start + together] for start in range(0, len(rows), together)]
    cosines = {name: [_mean_cosine(group, name) for group in groups] for name in names}
    text = "Blue: the step went down the loss in that layer. Orange: against it. Blank: not measured, or the layer "
    text += "did not move. A certificate of the whole step can be gamed by one layer: look for orange rows. "
    text += "Layers are in the order of the model, steps from left to right."
    if together > 1:
        text += f" Each column is the mean of {together} logged steps."
    return heat_map("Alignment of each layer", cosines, [group[0]["step"] for group in groups], text, hover="step")


def layer_table(figures: Sequence[Row]) -> Table:
    """List the layers, the least aligned first.

    Args:
        figures: Certificates of the logged steps.

    Returns:
        The table.
    """
    names = dict.fromkeys(name for row in figures for name in row.get("block_cos") or {})
    lines: list[dict[str, Any]] = []
    for name in names:
        known = [value for row in figures if (value := number((row.get("block_cos") or {}).get(name))) is not None]
        if known:
            share = sum(value <= 0 for value in known) / len(known)
            line = {"name": name, "median": median(known), "least": min(known), "against": share, "steps": len(known)}
            lines.append(line)
    columns = [
        Column("name", "layer"),
        Column("median", "median cos", "signed"),
        Column("least", "least cos", "signed"),
        Column(
            "against",
            "steps against",
            "percent",
            "share of logged steps whose product with the gradient is below zero in this layer, noise included",
        ),
        Column("steps", "logged steps", "integer", "steps in which the layer moved and was measured"),
    ]
    text = "The least aligned first. One layer with a large step can carry the certificate of the whole."
    return Table("Layers, worst first", columns, sorted(lines, key=lambda line: line["median"]), text)


def _mean_cosine(rows: Sequence[Row], name: str) -> float | None:
    values = [value for row in rows if (value := number((row.get("block_cos") or {}).get(name))) is not None]
    return sum(values) / len(values) if values else None


def _labels(names: Sequence[str]) -> list[str]:
    """Shorten names for the margin: what all of them begin with, and `.weight`, says nothing.

    Args:
        names: Names of parameters.

    Returns:
        One label each; the end of a name that is still long.

    Example:
        >>> _labels(["model.layers.0.mlp.weight", "model.layers.1.mlp.bias"])
        ['0.mlp', '1.mlp.bias']
    """
    paths = [name.removesuffix(".weight").split(".") for name in names]
    shared = 0
    while len(paths) > 1 and len({tuple(path[: shared + 1]) for path in paths}) == 1:
        shared += 1
    short = [".".join(word for word in path[shared:] if word != "layers") for path in paths]
    return [name if len(name) <= _LONGEST_LABEL else f"…{name[1 - _LONGEST_LABEL :]}" for name in short]
