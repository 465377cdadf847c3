"""Charts of an evaluation: pass@k with its intervals, who solves what alone, where the base's answers went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from antigrad.core.page import Chart
from antigrad.language.tasks.asked import name_of
from antigrad.posttraining.evaluate.findings import Findings, probe_changes
from antigrad.posttraining.evaluate.settings import EvaluateConfig

_BASE = "#8a8f98"
_COLOURS = ("#2a8fd0", "#e69f00", "#12a77a", "#d55e00", "#cc79a7", "#56b4e9")
_DASHES = ("solid", "dash", "dot", "dashdot")


def _colour(place: int, one: Findings) -> str:
    return _BASE if one.is_base else _COLOURS[place % len(_COLOURS)]


def pass_chart(good: Sequence[Findings], config: EvaluateConfig) -> Chart:
    """Draw pass@k of every checkpoint over k, with the band of its interval.

    Args:
        good: Checkpoints that were evaluated.
        config: What was asked.

    Returns:
        The chart; the axis of k is logarithmic.
    """
    data: list[dict[str, Any]] = []
    place = 0
    for one in good:
        colour, dash = _colour(place, one), _DASHES[place // len(_COLOURS) % len(_DASHES)]
        place += not one.is_base
        ks = list(one.passes)
        ends = [[value.low for value in one.passes.values()], [value.high for value in one.passes.values()]]
        edge = {"type": "scatter", "mode": "lines", "x": ks, "line": {"width": 0, "color": colour}}
        edge |= {"hoverinfo": "skip", "showlegend": False, "legendgroup": one.label}
        data.append(edge | {"y": ends[0]})
        data.append(edge | {"y": ends[1], "fill": "tonexty", "fillcolor": _faint(colour)})
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": one.label + (" (base)" if one.is_base else ""),
                "legendgroup": one.label,
                "x": ks,
                "y": [value.value for value in one.passes.values()],
                "line": {"color": colour, "dash": dash},
                "customdata": [list(pair) for pair in zip(*ends, strict=True)],
                "hovertemplate": "pass@%{x}: %{y:.1%}<br>%{customdata[0]:.1%} to %{customdata[1]:.1%}<extra>"
                + one.label
                + "</extra>",
            }
        )
    ticks = {"tickvals": config.ks, "ticktext": [str(k) for k in config.ks]}
    layout = {
        "xaxis": {"type": "log", "title": {"text": "k, attempts"}, **ticks},
        "yaxis": {"title": {"text": "pass@k"}, "tickformat": ".0%", "rangemode": "tozero"},
        "height": 440,
    }
    text = f"Chance that at least one of k samples is correct; bands are {config.level:.0%} intervals over questions. "
    text += "Bands that overlap do not say that two checkpoints are alike: the table below has the paired differences. "
    text += (
        "A checkpoint that leads on the left and is overtaken on the right sharpened what its base could do already."
    )
    return Chart("pass@k", {"data": data, "layout": layout}, text)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.16)"


def solved_chart(compared: Sequence[Findings], config: EvaluateConfig) -> Chart:
    """Draw how many questions are solved by both, by one alone, by none.

    Args:
        compared: Checkpoints compared with the base.
        config: What was asked.

    Returns:
        The chart, one bar a checkpoint.
    """
    kinds = {
        "both": ("by both", _BASE),
        "only_base": ("by the base alone", "#d55e00"),
        "only_model": ("by the checkpoint alone", "#2a8fd0"),
        "neither": ("by neither", "rgba(138,143,152,0.3)"),
    }
    labels = [one.label for one in compared]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": labels,
            "x": [getattr(one.solved, key) for one in compared],
            "marker": {"color": colour},
            "text": [str(getattr(one.solved, key) or "") for one in compared],
            "textposition": "inside",
            "insidetextanchor": "middle",
            "hovertemplate": "%{y}: %{x} questions " + name + "<extra></extra>",
        }
        for key, (name, colour) in kinds.items()
    ]
    layout = {
        "barmode": "stack",
        "xaxis": {"title": {"text": f"questions solved within k = {config.ks[-1]} of n = {config.samples} samples"}},
        "yaxis": {"type": "category", "autorange": "reversed"},
        "legend": {"traceorder": "normal"},
        "height": 150 + 44 * len(compared),
    }
    text = f"Solved means: correct at least once among the first k = {config.ks[-1]} of n = {config.samples} samples. "
    text += "This holds for this k alone: with more samples either may solve what it did not solve here."
    return Chart("Solved by one alone", {"data": data, "layout": layout}, text)


def probe_chart(compared: Sequence[Findings]) -> Chart:
    """Draw where the base's correct responses went, against how likely they were.

    Args:
        compared: Checkpoints compared with the base.

    Returns:
        The chart: a point a response.
    """
    base_rows = compared[0].base_rows
    data: list[dict[str, Any]] = []
    for place, one in enumerate(compared):
        for kind, symbol, rest in (("rare", "circle-open", slice(1, None)), ("likeliest", "circle", slice(0, 1))):
            points: list[tuple[float, float, str]] = []
            for row, base in zip(one.rows, base_rows, strict=True):
                changes = probe_changes(row, base) if row is not None and base is not None else None
                if changes is not None and base is not None:
                    before = base["probe_log_probs"][rest]
                    points += [
                        (then, change, name_of(base)) for then, change in zip(before, changes[rest], strict=True)
                    ]
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": f"{one.label}, {kind}",
                    "marker": {"symbol": symbol, "color": _COLOURS[place % len(_COLOURS)]},
                    "x": [point[0] for point in points],
                    "y": [point[1] for point in points],
                    "text": [point[2] for point in points],
                    "hovertemplate": "%{text}<br>ln π₀ %{x:.2f}<br>change %{y:+.3f}<extra></extra>",
                }
            )
    layout = {
        "xaxis": {"title": {"text": "ln π₀ under the base, nats"}},
        "yaxis": {"title": {"text": "change of ln π against the base, nats"}, "zeroline": True},
        "height": 440,
    }
    text = (
        "Each point is a correct response that the base sampled: filled, the likeliest of its question; open, a rare "
    )
    text += "one. Below zero the checkpoint finds it less likely than the base did."
    return Chart("Where the base's correct answers went", {"data": data, "layout": layout}, text)
