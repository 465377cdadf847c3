"""Pages of certificates in a real browser: the job's own, and that of a watched training."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from antigrad.core import RunFolder
from antigrad.geometry.page import write_certificate_page
from antigrad.report import write_report
from helpers.certificates import certificate_rows

pytest.importorskip("jinja2", reason="the extra `report` is not installed")
pytestmark = pytest.mark.browser

ORANGE, BLUE = (242, 138, 38), (74, 155, 230)
AGAINST = "model.layers.1.self_attn.q_proj.weight"


def watched(folder: Path, steps: int, layers: int) -> Path:
    run = RunFolder.start(folder, job="my training", config={"seed": 0})
    for row in certificate_rows(steps, layers):
        run.ledger.append(row)
    write_certificate_page(run)
    return write_report(run)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return watched(tmp_path_factory.mktemp("watched") / "run", 40, 4)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return watched(tmp_path_factory.mktemp("large") / "run", 500, 30)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers", reason="the extra `posttraining` is not installed")
    from antigrad.cli.main import main
    from helpers.certify_runs import tiny_after, tiny_data

    folder = tmp_path_factory.mktemp("certified")
    data = tiny_data(folder, 8)
    after = tiny_after(folder / "after", data, {"up": 1.0, "down": -0.3})
    words = ["certify", "tiny", str(after), *(f"--{part}={path}" for part, path in data.items())]
    assert main([*words, "--device", "cpu", "--output", str(folder / "run")]) == 0
    return folder / "run" / "report.html"


def section(page: Any, title: str) -> Any:
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True))


def pixel(page: Any, plot: Any, row: int, rows: int) -> tuple[int, int, int]:
    """Colour in the middle of a row of the heat map, as it is painted."""
    code = """([image, row, rows]) => new Promise((done) => {
        const canvas = document.createElement("canvas"), copy = new Image();
        copy.onload = () => {
            [canvas.width, canvas.height] = [copy.width, copy.height];
            const context = canvas.getContext("2d");
            context.drawImage(copy, 0, 0);
            const y = Math.min(copy.height - 1, Math.floor((row + 0.5) * copy.height / rows));
            done([...context.getImageData(Math.floor(copy.width / 2), y, 1, 1).data].slice(0, 3));
        };
        copy.src = image;
    })"""
    image = plot.locator(".heatmaplayer image").first.get_attribute("href")
    return tuple(page.evaluate(code, [image, row, rows]))


def told(page: Any, plot: Any, across: float, down: float) -> str:
    """What a reader is told who points at a place of the heat map, given in shares of it."""
    image = plot.locator(".heatmaplayer image")
    image.evaluate("image => image.scrollIntoView({ block: 'start', behavior: 'instant' })")
    box = image.bounding_box()
    for _ in range(2):  # plotly waits for a move inside of the plot
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"] + 1)
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
    label = plot.locator(".hoverlayer .hovertext")
    label.wait_for()
    return label.text_content()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_every_chart_of_a_training_is_drawn_in_both_themes_and_on_a_phone(
    report: Path, open_file: Any, scheme: str, width: int
) -> None:
    page = open_file(report, scheme=scheme, width=width).page
    plots = page.locator(".plot")
    assert plots.count() == 5
    for place in range(plots.count()):
        box = plots.nth(place).bounding_box()
        assert box["width"] > 0.8 * width - 100
        assert box["height"] >= 240
    assert page.locator(".heatmaplayer image").count() == 1
    assert section(page, "What each part gained by each step").locator(".trace.scatter").count() == 3
    assert section(page, "The ladder of κ").locator(".js-line").count() >= 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_goes_against_the_gradient_is_orange_and_the_rest_blue(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    plot = section(page, "Alignment of each layer").locator(".plot")
    names = page.evaluate("document.querySelector('.plot').data[0].y")
    rows = len(names)
    against = pixel(page, plot, names.index(AGAINST), rows)
    assert against[0] > against[2] + 60  # more red than blue
    along = pixel(page, plot, 0, rows)
    assert along[2] > along[0] + 20
    page.locator("#theme").click()
    dark = pixel(page, plot, names.index(AGAINST), rows)
    assert dark != against
    assert dark[0] > dark[2] + 60


def test_hover_over_a_cell_tells_layer_step_and_cosine(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    plot = section(page, "Alignment of each layer").locator(".plot")
    names = page.evaluate("document.querySelector('.plot').data[0].y")
    # The last layer never moved: it is blank, and the picture has its row all the same.
    text = told(page, plot, 0.5, (names.index(AGAINST) + 0.5) / len(names))
    assert AGAINST in text
    assert "step 2" in text
    assert "cos -0.2000" in text


def test_the_window_is_a_band_on_a_logarithmic_axis(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    plot = section(page, "Weight of the down part").locator(".plot")
    assert plot.evaluate("plot => plot._fullLayout.yaxis.type") == "log"
    bars = plot.locator(".trace.bars .point path")
    heights = [bars.nth(place).bounding_box()["height"] for place in range(bars.count())]
    assert len(heights) == 39
    assert heights[0] > 2 * heights[1] > 2 * heights[37] > 0  # an open window, then one that closes
    assert plot.locator(".trace.scatter").count() == 2


def test_many_layers_stay_readable_in_a_chart_that_scrolls(large: Path, open_file: Any) -> None:
    page = open_file(large).page
    chart = section(page, "Alignment of each layer")
    panel = chart.locator(".panel")
    assert panel.bounding_box()["height"] <= 822
    assert chart.locator(".plot").bounding_box()["height"] > 2500
    assert panel.evaluate("panel => panel.scrollHeight > panel.clientHeight")
    labels = chart.locator(".ytick text")
    assert labels.count() == 182
    tops = sorted(labels.nth(place).bounding_box()["y"] for place in range(20))
    assert min(later - earlier for earlier, later in pairwise(tops)) > 10
    assert labels.nth(0).text_content() == "embed_tokens"
    assert "Each column is the mean of 2 logged steps." in chart.locator(".about").inner_text()


def test_tables_of_a_training_are_sorted_worst_first_and_filter(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    layers = section(page, "Layers, worst first")
    assert layers.locator("tbody tr").first.inner_text().startswith(AGAINST)
    layers.locator(".filter input").fill("layers.2. mlp")
    assert layers.locator("tbody tr:visible").count() == 2
    assert section(page, "Alarms").locator("tbody tr").count() == 16


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_the_job_is_drawn(certified: Path, open_file: Any, scheme: str) -> None:
    page = open_file(certified, scheme=scheme).page
    assert page.locator(".plot").count() == 3
    bars = section(page, "What the move did to each part").locator(".trace.bars .point path")
    assert bars.count() == 8
    assert all(bars.nth(place).bounding_box()["height"] > 0 for place in range(8))
    plot = section(page, "Each layer and part").locator(".plot")
    box = plot.locator(".heatmaplayer image").bounding_box()
    assert box["height"] > 400
    assert plot.evaluate("plot => plot.data[0].x") == ["up", "down", "anchor", "sum"]
    text = told(page, plot, 1 / 8, 0.5 / 47)
    assert "model.embed_tokens.weight" in text
    assert "part up" in text
    table = section(page, "The parts")
    assert table.locator("tbody tr").count() == 4
    assert [cell.split("\t")[0] for cell in table.locator("tbody tr").all_inner_texts()] == [
        "up",
        "down",
        "anchor",
        "sum",
    ]
    assert "whether the move was made from this data" in page.locator(".card", has_text="unknown").first.inner_text()
