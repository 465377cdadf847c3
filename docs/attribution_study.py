"""Write the tables and the picture of the page on the attribution study from the kept result."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from playwright.sync_api import sync_playwright
from plotly.subplots import make_subplots

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explanation" / "attribution-study.md"
PICTURE = ROOT / "docs" / "assets" / "attribution-study.png"
CONTROLS = ("random", "sobel", "centre")
WORDS = {
    "absolute_grad": "AbsoluteGrad (GAG-0)", "gag_0.85": "**GAG-85**", "gag_relative": "GAG-85, relative guide",
    "gag_hard": "GAG-85, hard guide", "gag_logits_x100": "GAG-85, logits × 100", "smoothgrad": "SmoothGrad",
    "smoothgrad_guided": "SmoothGrad, guided", "vargrad": "VarGrad", "absolute_positive": "positive gradients only",
    "absolute_negative": "negative gradients only", "absolute_grad_blurred": "GAG-0, blurred 4 px",
    "gag_0.85_blurred": "GAG-85, blurred 4 px", "saliency": "Saliency", "integrated_gradients": "Integrated Gradients",
    "guided_ig": "Guided IG", "blur_ig": "Blur IG", "guided_backprop": "Guided Backprop", "gradcam": "Grad-CAM",
    "random": "*random*", "sobel": "*Sobel*", "centre": "*centre*",
}  # fmt: skip
PERCENTILES = ("0", "0.15", "0.25", "0.35", "0.45", "0.55", "0.65", "0.75", "0.85")
PAPER = (0.3090, 0.3086, 0.3223, 0.3379, 0.3577, 0.3815, 0.4042, 0.4225, 0.4377)
"""RCAP by percentile on ImageNet-S with a ResNet-50, from the authors' result tables."""


def main() -> None:
    """Write what is between the markers of the page, and the picture."""
    study = json.loads((ROOT / "benchmarks" / "results" / "attribution_study.json").read_text())
    maps = study["maps"]
    tables = {
        "maps": maps_table(maps),
        "bases": bases_table(maps),
        "percentiles": percentile_table(maps),
        "areas": areas_table(maps),
        "grids": grids_table(maps),
        "pairs": pairs_table(study["pairs"]),
        "noticed": noticed_table(maps),
    }
    text = PAGE.read_text()
    for name, table in tables.items():
        marked = rf"(<!-- table: {name} -->\n).*?(<!-- /table -->)"
        text, count = re.subn(
            marked, lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL
        )
        assert count == 1, name
    PAGE.write_text(text)
    photograph(picture(maps))


def word(name: str) -> str:
    """Name of a map for readers."""
    base, _, power = name.partition("^")
    plain = WORDS.get(base, f"GAG-{round(100 * float(base.split('_')[1]))}" if base.startswith("gag_0") else base)
    return f"{plain} ^{power}" if power else plain


def shown(figure: dict[str, Any] | None, form: str = ".3f") -> str:
    """Mean and standard error."""
    if figure is None:
        return "–"
    error = "" if figure["error"] is None else f" ± {figure['error']:{form}}"
    return f"{figure['mean']:{form}}{error}".replace("-", "−")


def signed(gap: dict[str, Any]) -> str:
    """A paired difference."""
    return f"{gap['mean']:+.3f} ± {gap['error']:.3f}".replace("-", "−")


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def maps_table(maps: dict[str, Any]) -> str:
    """Every map on black."""
    head = [
        "map",
        "RCAP",
        "mean $h$",
        "rank only",
        "calibrated",
        "rank only − best control",
        "calibrated − best control",
    ]
    rows = [
        [
            word(name),
            *(shown(figures[f"{key}/black"]) for key in ("rcap", "rcap_h", "rcap_s", "rcap_calibrated")),
            *(signed(figures[f"{key}/black"]["above_best_control"]) for key in ("rcap_s", "rcap_calibrated")),
        ]
        for name, figures in sorted(maps.items(), key=lambda item: -item[1]["rcap_calibrated/black"]["mean"])
    ]
    return table(head, rows)


def bases_table(maps: dict[str, Any]) -> str:
    """RCAP and its rank-only part on three bases."""
    bases = ("black", "grey", "mean")
    head = ["map", *(f"RCAP, {base}" for base in bases), *(f"rank only, {base}" for base in bases)]
    rows = [
        [word(name), *(shown(figures[f"{key}/{base}"]) for key in ("rcap", "rcap_s") for base in bases)]
        for name, figures in maps.items()
        if "rcap/grey" in figures
    ]
    return table(head, rows)


def percentile_table(maps: dict[str, Any]) -> str:
    """The guide's percentile, beside the authors' figures."""
    rows = []
    for p, theirs in zip(PERCENTILES, PAPER, strict=True):
        figures = maps["absolute_grad" if p == "0" else f"gag_{p}"]
        own = [shown(figures[f"{key}/black"]) for key in ("rcap", "rcap_h", "rcap_s", "rcap_calibrated")]
        rows.append([p, *own, f"{theirs:.4f}"])
    return table(["$p$", "RCAP", "mean $h$", "rank only", "calibrated", "paper's RCAP, ImageNet-S"], rows)


def areas_table(maps: dict[str, Any]) -> str:
    """Deletion and insertion."""
    rows = [
        [word(name), shown(figures["dauc"]), shown(figures["iauc"])]
        for name, figures in maps.items()
        if "dauc" in figures
    ]
    return table(["map", "deletion ↓", "insertion ↑"], rows)


def grids_table(maps: dict[str, Any]) -> str:
    """The grid pointing game."""
    rows = [
        [word(name), shown(figures["gridpg"]), shown(figures["gridpg_calibrated"])]
        for name, figures in sorted(maps.items(), key=lambda item: -item[1]["gridpg_calibrated"]["mean"])
    ]
    return table(["map", "share in the tile (chance .25)", "calibrated"], rows)


def noticed_table(maps: dict[str, Any]) -> str:
    """Rank correlations with the map of the intact model."""
    changes = ("noise", "class", "classifier layer", "all layers", "sobel")
    head = ["map", "other noise", "another class", "classifier layer random", "all layers random", "with Sobel"]
    rows = [
        [word(name), *(shown(figures[f"spearman/{change}"]) for change in changes)]
        for name, figures in maps.items()
        if "spearman/noise" in figures
    ]
    return table(head, rows)


def pairs_table(pairs: dict[str, Any]) -> str:
    """Paired differences, three figures a row."""
    names = list(dict.fromkeys(key.partition(",")[0] for key in pairs))
    rows = []
    for name in names:
        ours, theirs = name.split(" - ")
        gaps = [pairs[f"{name}, {key}/black"] for key in ("rcap", "rcap_s", "rcap_calibrated")]
        rows.append([f"{word(ours)} − {word(theirs)}", *(f"{signed(gap)}, {100 * gap['won']:.0f} %" for gap in gaps)])
    return table(["difference, share of pictures won", "RCAP", "rank only", "calibrated"], rows)


def picture(maps: dict[str, Any]) -> go.Figure:
    """The percentile sweep, and methods against controls."""
    figure = make_subplots(
        1, 2, subplot_titles=("The guide's percentile", "Calibrated RCAP minus the best control"),
        column_widths=[0.42, 0.58],
        horizontal_spacing=0.2,
    )  # fmt: skip
    names = ["absolute_grad" if p == "0" else f"gag_{p}" for p in PERCENTILES]
    for key, label, colour in (
        ("rcap", "RCAP", "#e69f00"),
        ("rcap_s", "rank only", "#0072b2"),
        ("rcap_calibrated", "calibrated", "#009e73"),
    ):
        means = [maps[name][f"{key}/black"] for name in names]
        error = {"type": "data", "array": [one["error"] for one in means]}
        figure.add_scatter(
            x=[float(p) for p in PERCENTILES], y=[one["mean"] for one in means], error_y=error, name=label,
            line={"color": colour}, row=1, col=1,
        )  # fmt: skip
    methods = [name for name in WORDS if name in maps and name not in CONTROLS and "rcap/grey" in maps[name]]
    gaps = sorted(
        ((name, maps[name]["rcap_calibrated/black"]["above_best_control"]) for name in methods),
        key=lambda pair: pair[1]["mean"],
    )
    figure.add_bar(
        x=[gap["mean"] for _, gap in gaps], y=[word(name).replace("*", "") for name, _ in gaps], orientation="h",
        error_x={"type": "data", "array": [gap["error"] for _, gap in gaps]}, marker_color="#0072b2", showlegend=False,
        row=1, col=2,
    )  # fmt: skip
    figure.update_xaxes(title_text="p", row=1, col=1)
    figure.update_layout(
        template="plotly_white", width=1180, height=460, margin={"l": 60, "r": 20, "t": 50, "b": 60},
        legend={"orientation": "h", "y": -0.2, "x": 0}, font={"size": 13},
    )  # fmt: skip
    return figure


def photograph(figure: go.Figure) -> None:
    """Write the picture with a headless browser."""
    executable = os.environ.get("ANTIGRAD_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--headless", "--no-sandbox"])
        page = browser.new_page(viewport={"width": 1180, "height": 460}, device_scale_factor=2)
        page.set_content(figure.to_html(include_plotlyjs=True, config={"displayModeBar": False}))
        page.locator(".main-svg").first.wait_for()
        page.screenshot(path=str(PICTURE))
        browser.close()


if __name__ == "__main__":
    main()
