"""Make the README's picture from the report of a run: `python docs/picture.py runs/demo`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

TARGET = Path(__file__).parent / "assets" / "preflight.png"


def main(run: Path) -> None:
    """Photograph the head of a report: its lead, its figures, its first chart.

    Args:
        run: Folder of a finished run.
    """
    browser_path = os.environ.get("ANTIGRAD_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1120, "height": 900}, device_scale_factor=1.5)
        page.goto((run / "report.html").resolve().as_uri())
        page.wait_for_selector(".plotly .trace")
        page.add_style_tag(content=".bar { position: static !important }")
        chart = page.locator("section.chart").first.bounding_box()
        assert chart is not None
        height = chart["y"] + chart["height"] + 24
        page.screenshot(path=TARGET, full_page=True, clip={"x": 0, "y": 0, "width": 1120, "height": height})
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
