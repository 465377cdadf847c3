"""The page of an evaluation in a real browser: bands and curves in one colour, bars, points, tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="the extra `report` is not installed")
pytest.importorskip("transformers", reason="the extra `posttraining` is not installed")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from antigrad.posttraining.evaluate import EvaluateConfig, evaluate
    from antigrad.report import write_report
    from helpers.evaluations import save_checkpoints

    place = save_checkpoints(tmp_path_factory.mktemp("evaluated"), questions=6)
    config = EvaluateConfig(
        model=[str(place / "moved"), str(place / "copy")], base=str(place / "base"), tasks=str(place / "q.jsonl"),
        questions=6, samples=24, max_new_tokens=6, device="cpu", resamples=200, output=place / "run",
    )  # fmt: skip
    return write_report(evaluate(config))


def section(page: Any, title: str) -> Any:
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_every_chart_is_drawn_and_nothing_runs_over(page_file: Path, open_file: Any, scheme: str, width: int) -> None:
    page = open_file(page_file, scheme=scheme, width=width).page
    plots = page.locator(".plot")
    assert plots.count() == 3
    for place in range(3):
        assert plots.nth(place).bounding_box()["width"] > 0.8 * width - 100
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_curves_have_bands_of_their_colour_over_a_logarithmic_k(page_file: Path, open_file: Any) -> None:
    page = open_file(page_file).page
    plot = section(page, "pass@k").locator(".plot")
    assert plot.evaluate("plot => plot._fullLayout.xaxis.type") == "log"
    assert plot.locator(".legend .traces").count() == 3
    assert plot.locator("path.js-fill").count() == 3
    fills = plot.evaluate("plot => plot._fullData.map(trace => [trace.name, trace.line.color, trace.fillcolor])")
    assert len(fills) == 9
    for curve in range(3):
        _, colour, fill = fills[3 * curve + 1]
        assert fills[3 * curve + 2][1] == colour
        red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
        assert fill.replace(" ", "") == f"rgba({red},{green},{blue},0.16)"
    low, high, value = (plot.evaluate(f"plot => [...plot.data[{place}].y]") for place in (0, 1, 2))
    assert all(a <= c <= b for a, b, c in zip(low, high, value, strict=True))


def test_bars_add_up_to_the_questions_and_points_are_the_base_s_answers(page_file: Path, open_file: Any) -> None:
    page = open_file(page_file).page
    bars = section(page, "Solved by one alone").locator(".plot")
    rows = bars.evaluate("plot => plot.data.map(trace => [...trace.x])")
    assert [sum(column) for column in zip(*rows, strict=True)] == [6, 6]
    points = section(page, "Where the base's correct answers went").locator(".plot .scatterlayer .point")
    assert points.count() > 8


def test_tables_sort_and_say_what_their_columns_mean(page_file: Path, open_file: Any) -> None:
    page = open_file(page_file).page
    table = section(page, "pass@k in numbers")
    assert table.locator("tbody tr").count() == 18
    table.locator(".filter input").fill("moved")
    assert table.locator("tbody tr:visible").count() == 6
    assert section(page, "Every question").locator("tbody tr").count() == 6
    assert section(page, "Exploitation or exploration").locator("tbody tr").count() == 3
    assert "against the base: pass@1" in page.locator("main, body").first.inner_text()
