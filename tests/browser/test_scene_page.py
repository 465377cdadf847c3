"""Scenes in a real browser: they play, scrub and zoom; pixels are where the road users are; tables filter by column."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="the extra `report` is not installed")

from antigrad.core.page import Actor, Column, Line, Mark, Page, Playback, PlayedScene, Table, Track
from antigrad.core.runs import RunFolder
from antigrad.report import write_report

pytestmark = pytest.mark.browser
STEPS = 41
COLOUR = """([x, y]) => {
  const canvas = document.querySelector(".view"), ratio = devicePixelRatio;
  const copy = document.createElement("canvas");
  const pen = copy.getContext("2d", { willReadFrequently: true });
  const at = [canvas.clientWidth / 2 + x, canvas.clientHeight / 2 - y].map((one) => Math.round(one * ratio));
  pen.drawImage(canvas, ...at, 1, 1, 0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""
INK = """(name) => {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color.match(/[0-9.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return found;
}"""
EGO, ADVERSARY, OTHER = "--series-3", "--series-4", "--series-7"


def straight(x: float, y: float, speed: float, yaw: float = 0.0) -> Track:
    return Track([x + speed * 0.1 * step for step in range(STEPS)], [y] * STEPS, [yaw] * STEPS)


def made(label: str = "<b>one</b>", tone: Any = "bad") -> PlayedScene:
    """The ego goes east at 5 m/s; the adversary stands 12 m ahead of where it begins, another stands to its left."""
    ego = Actor("ego", "ego", 4.0, 2.0, straight(0, 0, 5), straight(0, 0, 5))
    adversary = Actor("<i>car</i>", "adversary", 4.0, 2.0, straight(20, 0, 0), straight(20, -6, 0))
    other = Actor("2", "other", 4.0, 4.0, straight(0, 9, 5))
    gap = Line("gap", "m", [max(16 - 0.5 * step, -1.0) for step in range(STEPS)], [20.0] * STEPS)
    return PlayedScene(
        label, "Avoidable: <script>alert(1)</script>", tone, 0.1, 10, [ego, adversary, other], [gap],
        [Mark("last safe start", 1.5, "good"), Mark("contact", 3.2, "bad")], edges=[[-50, -4, 50, -4]],
        areas=[[-50, -4, 50, -4, 50, 14, -50, 14]], facts={"lead": 1.7},
    )  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = RunFolder.start(tmp_path_factory.mktemp("scene") / "run", job="scenario", config={"planner": "idm"})
    columns = [Column("scene", "scene"), Column("hit", "hit"), Column("format", "format")]
    rows = [
        {"scene": str(n), "hit": "yes" if n % 2 else "no hit", "format": "womd" if n < 4 else "av2"} for n in range(6)
    ]
    sections = [
        Playback("Scenes", [made(), made("two", "neutral")]),
        Table("All scenes", columns, rows, filters=["hit", "format"]),
    ]
    Page("Driving scenarios", "One of two.", sections).write(run)
    return write_report(run)


def near(one: list[float], two: list[float], within: float = 12) -> bool:
    return math.dist(one, two) <= within


def seek(page: Any, step: int) -> None:
    page.locator(".scrub").evaluate(
        "(box, step) => { box.value = step; box.dispatchEvent(new Event('input')); }", str(step)
    )
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")


def until(page: Any, holds: str) -> None:
    """Wait for what the reader's data say; the page's policy forbids the driver's own way of waiting."""
    for _ in range(200):
        if page.evaluate(f"(({{ step, playing, zoom }}) => {holds})(document.querySelector('.scene-reader').dataset)"):
            return
        page.wait_for_timeout(50)
    raise AssertionError(holds)


def per_metre(page: Any) -> float:
    """CSS pixels of a metre at zoom 1."""
    width = page.locator(".view").evaluate("(canvas) => canvas.clientWidth")
    return width / min(90, max(40, width / 8))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("dark", 768), ("light", 390)])
def test_road_users_are_where_they_are(report: Path, open_file: Any, scheme: str, width: int) -> None:
    page = open_file(report, scheme=scheme, width=width).page
    seek(page, 20)  # the ego is at 10 m, the adversary 10 m ahead of it, the other one 9 m to its left
    metre = per_metre(page)
    colour = lambda x, y: page.evaluate(COLOUR, [x * metre, y * metre])  # noqa: E731
    assert near(colour(-1.2, 0.6), page.evaluate(INK, EGO))
    assert near(colour(10 - 1.2, 0.6), page.evaluate(INK, ADVERSARY))
    assert near(colour(1, 9), page.evaluate(INK, OTHER))
    assert not near(colour(10, 6), page.evaluate(INK, ADVERSARY))
    page.locator(".camera").select_option("fixed")
    seek(page, 30)  # the camera stands: the ego has gone on by 5 m
    assert near(colour(5 - 1.2, 0.6), page.evaluate(INK, EGO))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_plays_and_stops_at_the_end(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    reader = page.locator(".scene-reader")
    assert reader.get_attribute("data-step") == "10"
    page.locator(".speed").select_option("2")
    page.get_by_role("button", name="Play", exact=True).click()
    until(page, "Number(step) > 14")
    page.get_by_role("button", name="Pause").click()
    held = reader.get_attribute("data-step")
    page.wait_for_timeout(250)
    assert reader.get_attribute("data-step") == held
    page.get_by_role("button", name="Play", exact=True).click()
    until(page, "playing === 'false'")
    assert reader.get_attribute("data-step") == str(STEPS - 1)
    assert page.locator(".time").text_content() == "4.0 s"
    assert page.locator(".scrub").get_attribute("aria-valuetext") == "4.0 s"


def test_keys_move_time_and_view(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    reader, view = page.locator(".scene-reader"), page.locator(".view")
    view.focus()
    for key, step in (("ArrowRight", 11), ("ArrowLeft", 10), ("PageDown", 20), ("Home", 0), ("End", STEPS - 1)):
        page.keyboard.press(key)
        assert reader.get_attribute("data-step") == str(step)
    page.keyboard.press("Space")
    until(page, "playing === 'true'")
    page.keyboard.press("Space")
    assert reader.get_attribute("data-playing") == "false"
    page.keyboard.press("+")
    assert reader.get_attribute("data-zoom") == "1.25"
    page.keyboard.press("0")
    assert reader.get_attribute("data-zoom") == "1.00"
    seek(page, 20)
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_timeout(60)
    assert near(page.evaluate(COLOUR, [-40 - 1.2 * per_metre(page), 0.6 * per_metre(page)]), page.evaluate(INK, EGO))


def test_the_timeline_scrubs_and_zoom_is_by_wheel_and_button(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    line, reader = page.locator(".timeline"), page.locator(".scene-reader")
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 8 + (box["width"] - 16) * 0.75, box["y"] + 60, steps=4)
    page.mouse.up()
    assert reader.get_attribute("data-step") == "30"
    page.get_by_role("button", name="Zoom in").click()
    assert reader.get_attribute("data-zoom") == "1.40"
    page.get_by_role("button", name="Reset the view").click()
    page.locator(".view").scroll_into_view_if_needed()
    page.locator(".view").hover()
    page.mouse.wheel(0, -200)
    assert reader.get_attribute("data-zoom") == "1.00"  # The page scrolls on until the picture is chosen.
    page.locator(".view").focus()
    page.locator(".view").hover()
    page.mouse.wheel(0, -200)
    until(page, "Number(zoom) > 1.3")


def test_two_fingers_zoom(report: Path, open_file: Any) -> None:
    page = open_file(report, width=390, height=844, has_touch=True).page
    view = page.locator(".view")
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *places: float) -> None:
        points = [{"x": x + place, "y": y, "id": number} for number, place in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", -30, 30)
    for far in (40, 60, 90):
        fingers("touchMove", -far, far)
    fingers("touchEnd")
    assert float(page.locator(".scene-reader").get_attribute("data-zoom")) == pytest.approx(3.0, rel=0.1)


def test_verdict_names_and_choices(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    assert page.locator(".verdict").text_content() == "Avoidable: <script>alert(1)</script>"
    assert "bad" in page.locator(".verdict").get_attribute("class")
    assert [one.text_content() for one in page.locator(".who span").all()] == [
        "ego", "adversary", "others", "as recorded",
    ]  # fmt: skip
    seek(page, 20)
    metre = per_metre(page)
    edge = [(10 - 2) * metre, (-6 + 0.3) * metre]  # the left edge of the recorded adversary is dashed
    strip = lambda: [page.evaluate(COLOUR, [edge[0], edge[1] + k]) for k in range(-8, 8)]  # noqa: E731
    orange = page.evaluate(INK, ADVERSARY)
    assert any(near(one, orange, 90) for one in strip())
    page.locator(".show-before").uncheck()
    page.wait_for_timeout(60)
    assert not any(near(one, orange, 90) for one in strip())
    page.get_by_role("button", name="Next scene").click()
    assert page.locator(".count").first.text_content() == "2 of 2"
    assert page.get_by_role("button", name="Next scene").is_disabled()
    assert "neutral" in page.locator(".verdict").get_attribute("class")


def test_the_picture_follows_the_theme(report: Path, open_file: Any) -> None:
    page = open_file(report, scheme="light").page
    seek(page, 20)
    place = [-1.2 * per_metre(page), 0.6 * per_metre(page)]
    light = page.evaluate(COLOUR, place)
    page.locator("#theme").click()
    page.wait_for_timeout(100)
    assert not near(page.evaluate(COLOUR, place), light, 5)
    assert near(page.evaluate(COLOUR, place), page.evaluate(INK, EGO))


def test_tables_filter_by_the_values_of_a_column(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    section = page.locator("section.table")
    rows = section.locator("tbody tr:visible")
    section.get_by_label("hit").select_option("yes")
    assert [row.locator("td").first.text_content() for row in rows.all()] == ["1", "3", "5"]
    section.get_by_label("format").select_option("av2")
    assert [row.locator("td").first.text_content() for row in rows.all()] == ["5"]
    assert section.locator(".count").text_content() == "1 of 6 rows"
    section.get_by_label("hit").select_option("all")
    assert section.locator(".count").text_content() == "2 of 6 rows"


@pytest.mark.slow
def test_the_page_of_a_real_job(tmp_path: Path, open_file: Any) -> None:
    """Synthetic traffic, attacked: the page plays a hit up to its contact, and is small."""
    pytest.importorskip("shapely", reason="the extra `scenarios` is not installed")
    from antigrad.scenarios.scenario import ScenarioConfig, scenario

    run = scenario(ScenarioConfig(output=tmp_path / "run", synthetic=6, agents=10, iterations=60, shown=3))
    path = write_report(run)
    assert path.stat().st_size < 2_000_000
    page = open_file(path).page
    assert page.locator("main section").nth(1).get_attribute("class") == "scene"
    found = page.locator(".scene-reader script").first.text_content()
    step = page.evaluate(
        "(text) => { const s = JSON.parse(text); return Math.round(s.marks.at(-1).at / s.dt); }", found
    )
    seek(page, step)
    gap = page.evaluate("(text) => JSON.parse(text).lines[0].values", found)
    assert gap[step] <= 0 < min(gap[:step])
    assert page.locator(".verdict").text_content().startswith(("Avoidable", "Needs foresight", "Unavoidable"))
