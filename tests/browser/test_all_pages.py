"""The page of every job, from a small run, at three widths: a verdict first, nothing wider than the screen, no gaps."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.jobs import SMALL, given, words

pytest.importorskip("jinja2", reason="the extra `report` is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

SCREENS = [(1280, "light"), (768, "dark"), (390, "light")]
WIDE = "() => document.documentElement.scrollWidth - innerWidth"
SCROLLED = """() => [...document.querySelectorAll('.scroll')]
  .filter(box => box.scrollWidth > box.clientWidth)
  .map(box => `${box.getAttribute('aria-label')}: ${box.scrollWidth - box.clientWidth} px`)"""
SECOND = """() => [...document.querySelectorAll('table')]
  .map(table => table.querySelectorAll('th')[1]).filter(head => head && head.offsetParent === null)
  .map(head => head.innerText)"""
EMPTY = """() => [...document.querySelectorAll('.plot')].filter(plot => !plot.data.some(trace =>
  ['x', 'y', 'z', 'a'].some(axis => [...(trace[axis] ?? [])].flat().some(value => value !== null))))
  .map(plot => plot.getAttribute('aria-label'))"""
TEXT = (
    "() => [...document.querySelectorAll('header, main > section:not(#configuration)')].map(e => e.innerText).join(' ')"
)


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The page of a job's small run."""
    from antigrad.cli.main import main

    place = tmp_path_factory.mktemp("pages")
    paths = given(place)

    def make(job: str) -> Path:
        run = place / job.replace(" ", "-")
        assert main(words(job, paths, run)) == 0
        return run / "report.html"

    return make


@pytest.mark.parametrize("job", SMALL)
def test_a_page_at_three_widths(job: str, page_of: Callable[[str], Path], open_file: Any) -> None:
    file = page_of(job)
    for width, scheme in SCREENS:
        page = open_file(file, width=width, scheme=scheme).page
        assert page.evaluate(WIDE) <= 0, width
        assert page.evaluate(SECOND) == [], width
        if width > 760:  # a phone moves a table with a finger
            assert page.evaluate(SCROLLED) == [], width
    assert page.evaluate(EMPTY) == []
    for part in ("question", "outcome", "sure", "advice"):
        assert page.locator(f".finding .{part}").inner_text().strip(), part
    text = page.evaluate(TEXT)
    assert re.findall(r"\b(?:NaN|nan|undefined|None|null)\b", text) == []
    assert str(file.parent.parent) not in text  # a page names no folder of this machine
