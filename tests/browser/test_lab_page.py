"""A page of the laboratory in a real browser: quiet, drawn in both schemes, and its animations move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from antigrad.lab.run import LabConfig, lab
from antigrad.report import write_report

pytest.importorskip("jinja2", reason="the extra `report` is not installed")
pytestmark = pytest.mark.browser

MINE = """
study: two_stage
settings:
  main: {start: [0.45, 0.1, 0.45], eta: 0.5, steps: 60}
  boundaries: []
  slope: {start: [0.9799, 0.0001, 0.02], eta: 0.2, steps: 200, below: 0.06}
  exploration: {o: 0.05, eta: 0.5, steps: 60}
"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    (folder / "mine.yaml").write_text(MINE)
    return write_report(lab(LabConfig(str(folder / "mine.yaml"), folder / "run")))


@pytest.fixture(scope="module")
def edge_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(lab(LabConfig("edge_trap", tmp_path_factory.mktemp("edge") / "run")))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_stacked_areas_fill_their_panels(page_file: Path, open_file: Any, scheme: str) -> None:
    page = open_file(page_file, scheme=scheme).page
    areas = page.locator(".plot").first.locator(".scatterlayer path.js-fill")
    areas.first.wait_for(state="attached")
    assert areas.count() == 9  # three masses of three arms
    assert page.locator(".plot").count() == 3  # Areas, triangle, who gets the positive advantage.
    # Hundreds of figures in the summary scroll in their panel instead of making the page endless.
    assert page.locator(".facts dl").last.evaluate("list => list.scrollHeight > list.clientHeight") is True
    assert page.locator("#configuration").bounding_box()["height"] < 1600
    assert page.locator(".plot").nth(1).locator("g.scatterterlayer, g.ternarylayer").count() > 0


def test_the_simplex_plays(page_file: Path, open_file: Any) -> None:
    page = open_file(page_file).page
    plot = page.locator(".plot").nth(1)
    read = "plot => plot.data.slice(-3).map(head => head.b[0])"
    before = plot.evaluate(read)
    plot.get_by_text("play").click()
    page.wait_for_function("() => document.querySelectorAll('.plot')[1].data.slice(-1)[0].b[0] !== " + str(before[-1]))
    assert plot.evaluate("plot => plot._transitionData._frames.length") == 40


def test_the_slider_shows_a_law_over_time(edge_file: Path, open_file: Any) -> None:
    page = open_file(edge_file).page
    plot = page.locator(".plot").first
    # It opens at the last step, where there is something to be seen, on paper too.
    end = plot.evaluate("plot => plot.data[0].y[99]")
    assert plot.evaluate("plot => plot.layout.sliders[0].active === plot.layout.sliders[0].steps.length - 1")
    plot.evaluate("plot => Plotly.animate(plot, ['0'], {mode: 'immediate', frame: {duration: 0, redraw: true}})")
    page.wait_for_function("end => document.querySelector('.plot').data[0].y[99] < end / 10", arg=end)
    assert plot.evaluate("plot => plot.data[0].y[99]") == pytest.approx(0.0422, abs=1e-3)
    # A change of colours draws anew; the frames stay.
    page.locator("#theme").click()
    assert plot.evaluate("plot => plot._transitionData._frames.length") == 7
