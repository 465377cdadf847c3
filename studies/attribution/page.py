"""The page "Attribution, judged": tables, verdicts and picture from the kept figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import plotly.graph_objects as go
from plotly.subplots import make_subplots
from studies.attribution import claims, tables
from studies.attribution.cells import Found, gag
from studies.attribution.facts import COLOURS, CONTROLS, HEADLINE, NAMES, PERCENTILES
from studies.kept import kept
from studies.page import ASSETS, EXPLANATION, PAPERS, photograph, put

PAGE = EXPLANATION / "attribution-study.md"
TABLES: dict[str, Callable[[Found], str]] = {
    "setting": tables.setting,
    "summary": claims.summary,
    "claims": claims.claims_table,
    "maps": tables.maps_table,
    "bases": tables.bases_table,
    "others": tables.others_table,
    "sweep": tables.sweep_table,
    "powers": tables.powers_table,
    "pairs": tables.pairs_table,
    "randomised": tables.randomised_table,
    "must": claims.must_table,
    "spec": tables.spec_table,
}


def main() -> None:
    """Write what is between the markers of both pages, and the picture."""
    found = kept(__file__, "attribution_study")
    PAGE.write_text(filled(PAGE.read_text(), found))
    PAPERS.write_text(filled(PAPERS.read_text(), found, ("summary", "claims", "randomised")))
    photograph(picture(found), ASSETS / "attribution-study.png")


def filled(text: str, found: Found, names: Iterable[str] = tuple(TABLES)) -> str:
    """Put tables between their markers."""
    for name in names:
        text = put(text, name, TABLES[name](found))
    return text


def picture(found: Found) -> go.Figure:
    """Maps above the best control at the left; at the right the percentile, by both guides."""
    sheet = make_subplots(1, 2, column_widths=[0.56, 0.44], horizontal_spacing=0.09)
    names = [name for name in NAMES if name not in CONTROLS]
    for (key, text), colour in zip(HEADLINE.items(), COLOURS, strict=False):
        gaps = [found["maps"][name][f"{key}/black"]["above_best_control"] for name in names]
        error = {"type": "data", "array": [gap["error"] for gap in gaps], "thickness": 1.5, "width": 3}
        sheet.add_scatter(
            x=[gap["mean"] for gap in gaps], y=[NAMES[name] for name in names], error_x=error, mode="markers",
            name=f"RCAP, {text}, minus {NAMES[gaps[0]['against']]}", marker={"color": colour, "size": 8}, row=1, col=1,
        )  # fmt: skip
    sheet.add_vline(x=0, line={"color": "#1a2028", "width": 1}, row=1, col=1)  # pyright: ignore[reportArgumentType]
    lines = {
        "rcap": ("RCAP", COLOURS[2]),
        "rcap_s": ("rank only", COLOURS[0]),
        "rcap_calibrated": ("calibrated", COLOURS[1]),
    }
    for guide, dash in (("paper", "solid"), ("relative", "dot")):
        for key, (text, colour) in lines.items():
            known = [p for p in PERCENTILES if gag(p, guide) in found["maps"]]
            of = [found["maps"][gag(p, guide)][f"{key}/black"] for p in known]
            error = {"type": "data", "array": [one["error"] for one in of], "thickness": 1, "width": 2}
            sheet.add_scatter(
                x=known, y=[one["mean"] for one in of], error_y=error, mode="lines+markers",
                name=f"{text}, {guide} guide", line={"color": colour, "dash": dash}, marker={"size": 6}, row=1, col=2,
            )  # fmt: skip
    sheet.update_yaxes(autorange="reversed", row=1, col=1)
    sheet.update_xaxes(title_text="above the best control, same pictures; bars: one standard error", row=1, col=1)
    sheet.update_xaxes(title_text="percentile of the guide (0: none)", row=1, col=2)
    sheet.update_yaxes(rangemode="tozero", row=1, col=2)
    sheet.update_layout(
        width=1120,
        height=600,
        font={"family": "Helvetica, Arial, sans-serif", "size": 13, "color": "#1a2028"},
        template="plotly_white",
        margin={"l": 190, "r": 16, "t": 96, "b": 56},
        legend={"orientation": "h", "x": -0.18, "y": 1.2},
    )
    return sheet


if __name__ == "__main__":
    main()
