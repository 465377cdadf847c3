"""Figures of the laboratory as Plotly JSON: lines, stacked masses, the simplex, bars with ranges, animations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from antigrad.core.page import Chart
from antigrad.lab.trace import Row

Figure = dict[str, Any]


def axis(title: str, **options: Any) -> Figure:
    """An axis with a title.

    Args:
        title: What it shows.
        **options: Of Plotly.

    Returns:
        Its layout.
    """
    return {"title": {"text": title}, **options}


def thin(steps: int, most: int = 300) -> list[int]:
    """Places of a long path that are enough to draw it: denser at the start, the last one included.

    Args:
        steps: Length of the path.
        most: Points at most.

    Returns:
        Rising places.

    Example:
        >>> thin(5)
        [0, 1, 2, 3, 4]
    """
    if steps <= most:
        return list(range(steps))
    return sorted({round((steps - 1) * (i / (most - 1)) ** 1.5) for i in range(most)})


def numbers(values: Tensor | Sequence[float | None]) -> list[float | None]:
    """Values for a figure, to five digits; what is missing or not finite is a gap.

    Args:
        values: One axis.

    Returns:
        A list.
    """
    flat = values.tolist() if isinstance(values, Tensor) else list(values)
    return [None if value is None or not math.isfinite(value) else float(f"{value:.5g}") for value in flat]


def lines(
    title: str, series: Mapping[str, tuple[Sequence[float], Any]], x: str, y: str, text: str, **layout: Any
) -> Chart:
    """Curves.

    Args:
        title: Heading.
        series: Name, and x and y of each curve.
        x: Title of the x axis.
        y: Title of the y axis.
        text: What is seen: tier, seeds.
        **layout: More of the layout; `xaxis` and `yaxis` are merged.

    Returns:
        The chart.
    """
    data = [
        {"type": "scatter", "mode": "lines", "name": name, "x": numbers(xs), "y": numbers(ys), "line": colour(name)}
        for name, (xs, ys) in series.items()
    ]
    axes = {"xaxis": axis(x) | layout.pop("xaxis", {}), "yaxis": axis(y) | layout.pop("yaxis", {})}
    return Chart(title, {"data": data, "layout": axes | layout}, text)


def masses(
    title: str, arms: Mapping[str, Tensor], names: Sequence[str], text: str, marks: Mapping[str, Mapping[str, float]]
) -> Chart:
    """Probability mass over time as stacked areas, arms side by side, boundaries marked.

    Args:
        title: Heading.
        arms: Arm, and its policy (T, V) at every step.
        names: Names of the V classes.
        text: What is seen.
        marks: Arm, and name and step of each boundary.

    Returns:
        The chart.
    """
    data: list[Figure] = []
    layout: Figure = {"shapes": [], "annotations": [], "height": 400, "legend": {"y": 1.12}}
    width = 1 / len(arms)
    for place, (arm, path) in enumerate(arms.items(), 1):
        key = "" if place == 1 else str(place)
        steps = thin(len(path), 160)
        for number, name in enumerate(names):
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "stackgroup": arm,
                    "name": name,
                    "legendgroup": name,
                    "showlegend": place == 1,
                    "x": steps,
                    "y": numbers(path[steps, number]),
                    "line": {"width": 0.5},
                    "xaxis": f"x{key}",
                    "yaxis": f"y{key}",
                    "hovertemplate": "step %{x}<br>%{y:.4f}<extra>" + f"{arm}: {name}</extra>",
                }
            )
        start = (place - 1) * width
        layout[f"xaxis{key}"] = axis(f"{arm}: step", domain=[start + 0.02, start + width - 0.02], anchor=f"y{key}")
        layout[f"yaxis{key}"] = {"range": [0, 1], "anchor": f"x{key}", "showticklabels": place == 1}
        last, raised = -math.inf, 0
        for mark, step in sorted(marks.get(arm, {}).items(), key=lambda one: one[1]):
            # Labels of neighbours would overlap: every other one is a line higher.
            raised = 12 - raised if step - last < 0.12 * len(path) else 0
            last = step
            line = {"type": "line", "x0": step, "x1": step, "y0": 0, "y1": 1, "xref": f"x{key}", "yref": f"y{key}"}
            layout["shapes"].append(line | {"line": {"dash": "dot", "width": 1.5}})
            note = {"x": step, "y": 1, "xref": f"x{key}", "yref": f"y{key}", "text": mark, "showarrow": False}
            layout["annotations"].append(note | {"yanchor": "bottom", "yshift": raised, "font": {"size": 11}})
    layout["yaxis"]["title"] = {"text": "probability"}
    return Chart(title, {"data": data, "layout": layout}, text)


ARMS = {
    "GRPO": 1,
    "GRPO-P": 3,
    "GRPO-N": 4,
    "NSR": 2,
    "PSR": 5,
    "W-REINFORCE": 6,
    "forward KL": 1,
    "computed forward": 1,
    "figure, bars labelled forward": 6,
    "reverse KL": 4,
    "computed reverse": 4,
    "figure, bars labelled reverse": 2,
}
"""Arms that many studies have, and the report's colour of each; other names get theirs from the report."""


def colour(arm: str) -> Figure:
    """The colour of an arm, the same in every chart of every study.

    Args:
        arm: Its name.

    Returns:
        For the line of a trace; empty where the report chooses.

    Example:
        >>> colour("GRPO"), colour("every 10")
        ({'color': 'series-1'}, {})
    """
    return {"color": f"series-{ARMS[arm]}"} if arm in ARMS else {}


def simplex(
    title: str, arms: Mapping[str, Tensor], names: Sequence[str], text: str, marks: Mapping[str, Tensor]
) -> Chart:
    """Paths on the simplex of three actions, with a play button.

    Args:
        title: Heading.
        arms: Arm, and its policy (T, 3) at every step.
        names: Names of the three actions.
        text: What is seen.
        marks: Boundary, and the policy (3,) where it was seen.

    Returns:
        The chart; its frames move one point an arm along its path.
    """
    paths = {arm: path[thin(len(path), 160)] for arm, path in arms.items()}
    data = [_ternary(arm, path, mode="lines") for arm, path in paths.items()]
    for number, (mark, where) in enumerate(marks.items()):
        point = _ternary(mark, where[None], mode="markers+text") | {"marker": {"color": "ink"}}
        side = ("middle left", "middle right")[number % 2]  # boundaries may lie close together
        data.append(point | {"text": [mark], "textposition": side, "showlegend": False})
    first = len(data)
    # Drawn at the ends of the paths, where there is something to be seen, on paper too.
    heads = [_ternary(arm, path[-1:], mode="markers") for arm, path in paths.items()]
    data += [head | {"showlegend": False, "marker": {"size": 11, **colour(head["name"])}} for head in heads]
    frames: list[Figure] = []
    for number in range(40):
        moved: list[Figure] = []
        for path in paths.values():
            here = path[round((len(path) - 1) * number / 39)]
            moved.append({"a": numbers(here[1:2]), "b": numbers(here[0:1]), "c": numbers(here[2:3])})
        frames.append({"name": str(number), "data": moved, "traces": list(range(first, first + len(moved)))})
    layout: Figure = {
        "height": 520,
        "ternary": {
            "sum": 1,
            **{
                f"{key}axis": {"title": {"text": names[index]}, "min": 0, "ticks": "outside"}
                for key, index in (("a", 1), ("b", 0), ("c", 2))
            },
        },
        # Beside the apex, where there is room at every width.
        "updatemenus": [play_button() | {"x": 1, "xanchor": "right", "y": 1, "yanchor": "top"}],
        "legend": {"y": 1.1},
        "margin": {"t": 70},
    }
    return Chart(title, {"data": data, "layout": layout, "frames": frames}, text)


def _ternary(name: str, path: Tensor, mode: str) -> Figure:
    point = {"type": "scatterternary", "mode": mode, "name": name, "line": colour(name)}
    return point | {"a": numbers(path[:, 1]), "b": numbers(path[:, 0]), "c": numbers(path[:, 2])}


def play_button() -> Figure:
    """A button that plays the frames of a figure.

    Returns:
        The menu.
    """
    options = {"frame": {"duration": 90, "redraw": True}, "transition": {"duration": 0}, "fromcurrent": False}
    button = {"label": "▶ play", "method": "animate", "args": [None, options]}
    return {"type": "buttons", "buttons": [button], "x": 0, "y": 0, "xanchor": "left", "yanchor": "bottom"}


def moving_law(title: str, arms: Mapping[str, Tensor], steps: Sequence[int], text: str) -> Chart:
    """Laws over many actions as an animation over time.

    Args:
        title: Heading.
        arms: Arm, and its policy (N, V) at the steps.
        steps: The N steps.
        text: What is seen.

    Returns:
        The chart, with a play button and a slider; it opens at the last step.
    """
    frames = [
        {
            "name": str(step),
            "data": [{"y": numbers(path[place])} for path in arms.values()],
            "traces": list(range(len(arms))),
        }
        for place, step in enumerate(steps)
    ]
    data = [
        {"type": "scatter", "mode": "lines", "name": arm, "x": list(range(path.shape[-1])), "y": numbers(path[-1])}
        | {"line": colour(arm)}
        for arm, path in arms.items()
    ]
    jump = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    slides = [{"label": str(step), "method": "animate", "args": [[str(step)], jump]} for step in steps]
    top = max(float(path.nan_to_num().max()) for path in arms.values())
    layout = {
        "xaxis": axis("action"),
        "yaxis": axis("probability", range=[0, 1.05 * top]),
        "updatemenus": [play_button() | {"y": -0.3, "yanchor": "top"}],
        "sliders": [
            {
                "active": len(slides) - 1,
                "steps": slides,
                "currentvalue": {"prefix": "step "},
                "x": 0.12,
                "len": 0.88,
                "y": -0.2,
            }
        ],
        "margin": {"b": 130},
        "height": 480,
    }
    return Chart(title, {"data": data, "layout": layout, "frames": frames}, text)


def bars(title: str, groups: Mapping[str, Mapping[str, Sequence[float]]], y: str, text: str, **layout: Any) -> Chart:
    """Bars of means with the range over seeds.

    Args:
        title: Heading.
        groups: Name of a colour, and for each category its values over seeds.
        y: Title of the y axis.
        text: What is seen.
        **layout: More of the layout.

    Returns:
        The chart.
    """
    data: list[Figure] = []
    for name, cells in groups.items():
        means = [sum(values) / len(values) for values in cells.values()]
        above = numbers([max(v) - m for v, m in zip(cells.values(), means, strict=True)])
        below = numbers([m - min(v) for v, m in zip(cells.values(), means, strict=True)])
        spread = {"type": "data", "symmetric": False, "array": above, "arrayminus": below}
        bar = {"type": "bar", "name": name, "x": list(cells), "y": numbers(means), "marker": colour(name)}
        data.append(bar | ({"error_y": spread} if any(above) or any(below) else {}))
    return Chart(title, {"data": data, "layout": {"barmode": "group", "yaxis": axis(y)} | layout}, text)


def compared(title: str, rows: Sequence[Row], metric: str, text: str, *, log: bool = False) -> Chart:
    """A comparison in two panels: at equal accuracy and at equal steps.

    Args:
        title: Heading.
        rows: What `comparison` gave.
        metric: Title of the y axis.
        text: What is seen.
        log: Whether the metric is drawn on a logarithmic axis.

    Returns:
        The chart.
    """
    arms = list(dict.fromkeys(row.arm for row in rows))
    data: list[Figure] = []
    for arm in arms:
        for key, kind in (("", "accuracy"), ("2", "steps")):
            own = [row for row in rows if row.arm == arm and row.at == kind]
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": arm,
                    "legendgroup": arm,
                    "showlegend": kind == "accuracy",
                    "line": colour(arm),
                    "x": [row.place for row in own],
                    "y": numbers([row.value for row in own]),
                    # Only those seeds that got there are in a mean.
                    "marker": {"symbol": ["circle" if row.reached == row.seeds else "circle-open" for row in own]},
                    "text": [f"{row.reached} of {row.seeds}" for row in own],
                    "hovertemplate": f"{arm}: %{{y}}<br>at %{{x}}, seeds: %{{text}}<extra></extra>",
                    "error_y": {
                        "type": "data",
                        "symmetric": False,
                        "array": numbers([row.high - row.value for row in own]),
                        "arrayminus": numbers([row.value - row.low for row in own]),
                        "thickness": 1,
                    },
                    "xaxis": f"x{key}",
                    "yaxis": f"y{key}",
                }
            )
    layout = {
        "xaxis": axis("accuracy reached", domain=[0, 0.46]),
        "xaxis2": axis("step", domain=[0.54, 1], anchor="y2"),
        "yaxis": axis(metric, type="log" if log else "linear"),
        "yaxis2": {"anchor": "x2", "matches": "y", "type": "log" if log else "linear"},
    }
    text += " Left at equal accuracy, right at equal steps."
    if any(0 < row.reached < row.seeds for row in rows):
        text += " Open circles: not every seed got there."
    return Chart(title, {"data": data, "layout": layout}, text)
