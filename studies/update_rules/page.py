"""The page on update rules: tables and picture from the kept figures."""

from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots
from studies.kept import kept
from studies.page import ASSETS, BENCHMARKS, EXPLANATION, fill, markdown, number, photograph, spread

PAGE = EXPLANATION / "update-rules.md"
PICTURE = ASSETS / "update-rules.png"
RUNGS = ("global", "layer", "row", "coordinate")
COSINES = {"cos_in_batch": "own batch", "cos_full": "all training data", "cos_held_out": "held out"}
COLOURS = ("#e69f00", "#0072b2", "#009e73")
Figures = dict[str, dict[str, Any]]


def main() -> None:
    """Write what is between the markers of the page, and the picture."""
    network = kept(__file__, "update_rules_network")
    tables = {
        "rules": rules_table(network["figures"]),
        "ladder": ladder_table(network["figures"], RUNGS),
        "policy": policy_table(kept(__file__, "update_rules_policy")["figures"]),
        "feedback": feedback_table(network["feedback_cosines"]),
        "cost": cost_table(),
    }
    fill(PAGE, tables)
    photograph(picture(network["figures"]), PICTURE)


def percent(share: float) -> str:
    """A share of steps; the first step alone is not none."""
    return "< 1%" if 0 < share < 0.005 else f"{share:.0%}"


def kappa(three: dict[str, Any]) -> str:
    """κ with as many digits as it has."""
    large = any(value is not None and value >= 100 for value in three.values())
    return spread(three, ",.0f" if large else ".1f")


def exists(three: dict[str, Any]) -> str:
    """In how many steps there is a certificate."""
    low, middle, high = (percent(three[key]) for key in ("low", "median", "high"))
    return middle if low == middle == high else f"{middle} ({low} to {high})"


def rules_table(figures: dict[str, Figures]) -> str:
    """Alignment and losses of each rule."""
    rows = [
        [
            name,
            *(spread(of[key], ".2f") for key in COSINES),
            spread(of["step_share_against"], ".0%"),
            f"{number(of['loss_before']['median'], '.2f')} → {spread(of['loss_after'], '.2f')}",
            spread(of["held_out_loss_after"], ".2f"),
        ]
        for name, of in figures.items()
    ]
    head = ["rule", *(f"cos, {text}" for text in COSINES.values())]
    return markdown([*head, "share of the step in layers against", "training loss", "held-out loss after"], rows)


def ladder_table(figures: dict[str, Figures], rungs: tuple[str, ...]) -> str:
    """κ of each rule at each granularity, and in how many steps there is one."""
    rows = [
        [name, *(f"{kappa(of[f'kappa_{rung}'])}; {exists(of[f'exists_{rung}'])}" for rung in rungs)]
        for name, of in figures.items()
    ]
    return markdown(["rule", *(f"κ {rung}; exists" for rung in rungs)], rows)


def policy_table(figures: dict[str, Figures]) -> str:
    """The same for the tiny policy."""
    names = list(figures)
    lines = {
        "cos, own batch": lambda of: spread(of["cos_in_batch"], ".2f"),
        "cos, held out": lambda of: spread(of["cos_held_out"], ".3f"),
        **{
            f"κ {rung}; exists": lambda of, rung=rung: (
                f"{kappa(of[f'kappa_{rung}'])}; {spread(of[f'exists_{rung}'], '.0%')}"
            )
            for rung in ("global", "layer", "head", "row", "coordinate")
        },
        "κ layer exists, held out": lambda of: spread(of["exists_layer_held_out"], ".0%"),
        "steps that lowered the held-out loss": lambda of: spread(of["held_out_dropped"], ".0%"),
        "held-out loss before": lambda of: spread(of["held_out_loss_before"], ".3f"),
        "held-out loss after": lambda of: spread(of["held_out_loss_after"], ".3f"),
    }
    return markdown(
        ["figure", *names], [[line, *(make(figures[name]) for name in names)] for line, make in lines.items()]
    )


def feedback_table(cosines: dict[str, list[float]]) -> str:
    """Alignment of each matrix under feedback alignment, at some places of the training."""
    places = {"steps 1 to 10": 0, "21 to 30": 2, "51 to 60": 5, "101 to 110": 10, "291 to 300": 29}
    names = dict(zip(cosines, ("first (32 → 64)", "second (64 → 64)", "third (64 → 10)"), strict=True))
    rows = [[text, *(number(cosines[name][place], ".2f") for place in places.values())] for name, text in names.items()]
    return markdown(["matrix", *places], rows)


def cost_table() -> str:
    """Seconds and ratios of a watched step."""
    rows = []
    for name in ("watch_step_fused", "watch_step_foreach", "watch_training_256", "watch_training_1024", "watch_memory"):
        found = json.loads((BENCHMARKS / f"{name}.json").read_text())
        unit = "MB" if name == "watch_memory" else "s"
        runs = ", ".join(f"{ratio:.3g}" for ratio in found.get("ratio_of_each_run", []))
        target = "" if found["target"] is None else f"{found['target']}"
        ratio = f"{found['ratio']:.3f}" + (f" (runs: {runs})" if runs else "")
        if "ratio_rotate_4" in found:
            ratio += f"; with rotate=4 {found['ratio_rotate_4']:.3f}"
        rows.append([found["what"], f"{found['ours']:.3g} {unit}", f"{found['theirs']:.3g} {unit}", ratio, target])
    return markdown(["what", "ours", "theirs", "ratio", "target"], rows)


def picture(figures: dict[str, Figures]) -> go.Figure:
    """Alignment of each rule at the left; at the right in how many steps there is a certificate, and its κ."""
    names = list(figures)
    sheet = make_subplots(1, 2, shared_yaxes=True, column_widths=[0.5, 0.5], horizontal_spacing=0.03)
    for (key, text), colour in zip(COSINES.items(), COLOURS, strict=True):
        of = [figures[name][key] for name in names]
        middle = [three["median"] for three in of]
        error = {
            "type": "data",
            "array": [three["high"] - three["median"] for three in of],
            "arrayminus": [three["median"] - three["low"] for three in of],
            "thickness": 1.5,
            "width": 3,
        }
        marker = {"color": colour, "size": 9}
        sheet.add_scatter(x=middle, y=names, error_x=error, mode="markers", name=text, marker=marker, row=1, col=1)
    shares = [[figures[name][f"exists_{rung}"]["median"] for rung in RUNGS] for name in names]
    texts = [
        [
            f"{percent(share)}<br>κ {number(figures[name][f'kappa_{rung}']['median'], ',.0f')}" if share else "none"
            for rung, share in zip(RUNGS, line, strict=True)
        ]
        for name, line in zip(names, shares, strict=True)
    ]
    scale = [[0, "#f4f5f6"], [1, "#4a9be6"]]
    sheet.add_heatmap(
        z=shares,
        x=list(RUNGS),
        y=names,
        text=texts,
        texttemplate="%{text}",
        colorscale=scale,
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=2,
        ygap=2,
        row=1,
        col=2,
    )
    sheet.update_yaxes(autorange="reversed")
    sheet.update_xaxes(title_text="cos between step and negative gradient", range=[-1.08, 1.08], row=1, col=1)
    sheet.update_xaxes(title_text="certificate by granularity: share of steps, median κ", row=1, col=2)
    font = {"family": "Helvetica, Arial, sans-serif", "size": 13, "color": "#1a2028"}
    sheet.update_layout(
        width=1120,
        height=560,
        font=font,
        template="plotly_white",
        margin={"l": 140, "r": 16, "t": 44, "b": 56},
        legend={"orientation": "h", "x": 0, "y": 1.09},
    )
    return sheet


if __name__ == "__main__":
    main()
