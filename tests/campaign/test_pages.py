"""Hostile text in every place of every page: no script runs, nothing is fetched."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from helpers.campaign import Server, Tally, Wholes

pytestmark = [pytest.mark.campaign, pytest.mark.filterwarnings("ignore")]
CHECK = "hostile text in pages, in Chromium"
EVIL = [
    "</script><script>window.hit=1</script>",
    "<img src=//evil.test/x onerror=window.hit=1>",
    "'\"><svg/onload=window.hit=1>",
    "javascript:window.hit=1",
    "{{constructor.constructor('window.hit=1')()}}",
    "<a href='javascript:window.hit=1'>x</a>",
    "<style>@import '//evil.test/x.css'</style>",
    "</style><script src=//evil.test/x.js></script>",
    "\u2028window.hit=1",
    "<meta http-equiv=refresh content='0;url=//evil.test'>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<b onmouseover=window.hit=1>%{y}</b>",
    "-->",
    "]]>",
    "<!--",
    "\ud800",
    "url(//evil.test/x)",
]
FIXED = {
    "kind",
    "format",
    "positive",
    "key",
    "tone",
    "tag",
    "type",
    "mode",
    "orientation",
    "picture",
    "size",
    "signed",
    "symbol",
    "role",
}
"""Words of the format, and pictures: what a job never takes from its input."""


def poisoned(value: Any, key: str = "", count: list[int] | None = None) -> Any:
    """The same page with an attack at the end of every text."""
    count = [0] if count is None else count
    if isinstance(value, dict):
        return {name: poisoned(one, name, count) for name, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, key, count) for one in value]
    if isinstance(value, str) and key not in FIXED and not value.startswith("data:image"):
        count[0] += 1
        return value + EVIL[count[0] % len(EVIL)]
    return value


def test_every_page(job: str, server: Server, wholes: Wholes, tally: Tally, tmp_path: Path) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = os.environ.get("ANTIGRAD_CHROMIUM") or shutil.which("chromium")
    if executable is None:
        tally.skipped[CHECK] = "no Chromium"
        pytest.skip("no Chromium")
    run = tmp_path / "run<img src=x onerror=window.hit=1>"
    shutil.copytree(wholes.of(job).path, run)
    page = run / "artifacts" / "page.json"
    content, count = json.loads(page.read_text()), [0]
    evil = poisoned(content, count=count)
    page.write_text(json.dumps(evil))
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps({f"{key}{EVIL[0]}": value for key, value in summary.items()}))
    result = server.run(["report", str(run)])
    if result.status != 0:
        tally.add(CHECK, job, result.problem or result.err[-900:])
        tally.settle(CHECK, job)
    asked: list[str] = []
    complaints: list[str] = []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        window = browser.new_page()
        window.on("request", lambda request: asked.append(request.url))
        window.on("dialog", lambda dialog: complaints.append("a dialog"))
        window.on("pageerror", lambda error: complaints.append(str(error)))
        window.goto((run / "report.html").as_uri())
        window.wait_for_load_state("load")
        window.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        for place in window.query_selector_all("th, summary, button, select")[:40]:
            if place.is_visible():
                place.hover(timeout=2000, force=True)
        hit = window.evaluate("window.hit")
        browser.close()
    outside = [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    problem = "a script ran" if hit else f"fetched {outside[:3]}" if outside else None
    problem = problem or (f"in the page: {complaints[:3]}" if complaints else None)
    for _ in range(count[0]):
        tally.add(CHECK, job)
    if problem is not None:
        tally.add(CHECK, job, problem)
    tally.settle(CHECK, job)
