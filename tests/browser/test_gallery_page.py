"""Maps over pictures in a real browser: drawn, and changed by the reader's choice of sign and opacity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("jinja2", reason="the extra `report` is not installed")
pytest.importorskip("captum", reason="the extra attribution is not installed")

from antigrad.attribution.overlay import data_uri, layer, photograph
from antigrad.core.errors import InputValueError
from antigrad.core.page import Gallery, Layer, Page, PictureGroup, Stage
from antigrad.core.runs import RunFolder
from antigrad.report import write_report

pytestmark = pytest.mark.browser
PIXEL = """([name, x, y]) => {
  const cards = [...document.querySelectorAll(".layer")];
  const card = cards.find((one) => one.querySelector("strong").textContent === name);
  return [...card.querySelector("canvas").getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3);
}"""


def group(label: str) -> PictureGroup:
    """A green picture; a map that is up at the left, down at the right, nothing in the middle."""
    picture = torch.zeros(3, 30, 30)
    picture[1] = 0.8
    values = torch.zeros(30, 30)
    values[:, :10], values[:, 20:] = 1.0, -1.0
    stage = Stage(data_uri(photograph(picture), lossless=False, side=10), "top 10 %\np 0.5")
    signed = Layer("gradient", "RCAP 0.1", data_uri(layer(values.abs()), lossless=True),
                   data_uri(layer(values), lossless=True), [stage] * 5)  # fmt: skip
    plain = Layer("size only", "RCAP 0.2", data_uri(layer(values.abs()), lossless=True))
    return PictureGroup(label, data_uri(photograph(picture), lossless=True), [signed, plain], {"probability": 0.5})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = RunFolder.start(tmp_path_factory.mktemp("gallery") / "run", job="explain", config={"images": ["a"]})
    Page("Maps", "Two.", [Gallery("Maps", [group("<b>one</b>"), group("two")])]).write(run)
    write_report(run)
    return run


def colour(page: Any, name: str, x: int) -> list[int]:
    return page.evaluate(PIXEL, [name, x, 15])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signs_and_opacity(run: RunFolder, open_file: Any, scheme: str) -> None:
    page = open_file(run.path / "report.html", scheme=scheme).page
    page.locator(".layer canvas").first.wait_for()
    up, down, size, green = [37, 99, 205], [226, 88, 34], [142, 68, 173], [0, 204, 0]  # blue, orange, purple

    def near(found: list[int], wanted: list[int], within: int) -> bool:
        return max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= within

    page.locator("input[type=range]").fill("100")
    assert near(colour(page, "gradient", 5), size, 3) and near(colour(page, "gradient", 25), size, 3)
    page.get_by_label("net", exact=True).check()
    assert near(colour(page, "gradient", 5), up, 3) and near(colour(page, "gradient", 25), down, 3)
    assert near(colour(page, "size only", 25), size, 3)  # It has no sign to show.
    page.get_by_label("net up").check()
    middle = colour(page, "gradient", 15)
    assert near(colour(page, "gradient", 5), up, 3) and near(colour(page, "gradient", 25), middle, 2)
    page.get_by_label("net down").check()
    assert near(colour(page, "gradient", 25), down, 3) and near(colour(page, "gradient", 5), middle, 2)
    assert max(middle) - min(middle) <= 2  # The picture under a full map is grey.
    page.locator("input[type=range]").fill("0")
    assert near(colour(page, "gradient", 5), green, 3) and near(colour(page, "gradient", 25), green, 3)


def test_pictures_one_at_a_time(run: RunFolder, open_file: Any) -> None:
    page = open_file(run.path / "report.html").page
    page.locator(".layer canvas").first.wait_for()
    assert page.locator(".gallery-reader .count").inner_text() == "1 of 2"
    assert page.locator(".layer").count() == 3 and page.locator(".stages figure").count() == 5
    assert page.locator(".gallery-reader option").first.inner_text() == "<b>one</b>"
    page.locator(".gallery-reader .next").click()
    page.locator(".gallery-reader .count", has_text="2 of 2").wait_for()
    assert page.locator(".gallery-reader .next").is_disabled()
    page.locator(".layer img[alt=two]").wait_for()


@pytest.mark.parametrize("bad", ["https://example.org/a.png", "data:image/svg+xml;base64,AAAA", "javascript:alert(1)"])
def test_only_data_is_a_picture(run: RunFolder, tmp_path: Path, bad: str) -> None:
    other = RunFolder.start(tmp_path / "run", job="explain", config={})
    value = json.loads(run.artifact("page.json").read_text())
    value["sections"][0]["groups"][0]["layers"][0]["size"] = bad
    other.write_json("page.json", value)
    with pytest.raises(InputValueError, match="base64"):
        write_report(other)
