"""What the pages of all studies share: tables between markers, numbers as text, pictures from a browser."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
EXPLANATION = ROOT / "docs" / "explanation"
PAPERS = ROOT / "docs" / "papers.md"
ASSETS = ROOT / "docs" / "assets"
BENCHMARKS = ROOT / "benchmarks" / "results"


def put(text: str, name: str, body: str) -> str:
    """Put a table between its markers, `<!-- table: NAME -->` and `<!-- /table -->`."""
    marked = rf"(<!-- table: {re.escape(name)} -->\n).*?(<!-- /table -->)"
    text, count = re.subn(marked, lambda match: f"{match[1]}{body}\n{match[2]}", text, flags=re.DOTALL)
    assert count == 1, name
    return text


def fill(page: Path, tables: dict[str, str]) -> None:
    """Write tables into a page, each between its markers."""
    text = page.read_text()
    for name, body in tables.items():
        text = put(text, name, body)
    page.write_text(text)


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def number(value: float | None, form: str) -> str:
    """One number; what JSON does not have is infinite."""
    return "∞" if value is None else format(value, form).replace("-", "−")


def spread(three: dict[str, Any], form: str) -> str:
    """Median, lowest and highest over the seeds."""
    middle, low, high = (number(three[key], form) for key in ("median", "low", "high"))
    return middle if low == middle == high else f"{middle} ({low} to {high})"


@contextmanager
def browser(width: int, height: int) -> Generator[Page]:
    """An empty page of a headless Chromium."""
    with sync_playwright() as playwright:
        path = os.environ.get("ANTIGRAD_CHROMIUM") or shutil.which("chromium")
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield chromium.new_page(viewport={"width": width, "height": height}, device_scale_factor=1.5)
        chromium.close()


def photograph(sheet: go.Figure, target: Path) -> None:
    """Draw a figure in a browser and keep the picture."""
    with browser(1140, 680) as page:
        page.set_content(sheet.to_html(include_plotlyjs=True, config={"staticPlot": True}))
        page.wait_for_selector(".scatterlayer, .heatmaplayer")
        page.locator(".plotly-graph-div").screenshot(path=target)
