"""The report in a real browser: it is quiet, drawn, usable, and nothing in it comes alive."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from antigrad.core.page import Card, Cards, Chart, Column, Page, Response, Table, Token, TokenGroup, Tokens
from antigrad.report import write_report
from browser.report_sample import ARMS, IMAGE, LINK, SCRIPT, TAU, hostile_page, sample_page, write_run

pytest.importorskip("jinja2", reason="the extra `report` is not installed")
pytestmark = pytest.mark.browser

QUESTIONS = 12
ORANGE, BLUE = (242, 138, 38), (74, 155, 230)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(write_run(tmp_path_factory.mktemp("report") / "run", sample_page(QUESTIONS)))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(write_run(tmp_path_factory.mktemp("report") / "evil", hostile_page(), attack=True))


def write(folder: Path, *sections: Any) -> Path:
    return write_report(write_run(folder / "run", Page("Small", "A small page.", sections)))


def column(page: Any, number: int) -> list[str]:
    return page.locator(f"tbody tr td:nth-child({number})").all_inner_texts()


def number_of(text: str) -> float:
    return float(text.replace("−", "-"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_has_size_and_painted_bars(report: Path, open_file: Any, scheme: str) -> None:
    page = open_file(report, scheme=scheme).page
    plots = page.locator(".plot")
    assert plots.count() == 1
    box = plots.first.bounding_box()
    assert box["width"] > 800
    assert box["height"] > 300
    assert page.locator(".plot .trace.bars").count() == len(ARMS)
    bars = page.locator(".plot .trace.bars .point path")
    painted = [bars.nth(place).bounding_box() for place in range(bars.count())]
    missing = 1
    assert len([one for one in painted if one["width"] > 2 and one["height"] > 0]) == QUESTIONS * len(ARMS) - missing


def test_chart_hover_tells_the_question_and_its_figure(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    page.locator(".plot .trace.bars").nth(0).locator(".point").nth(4).hover(force=True)
    label = page.locator(".hoverlayer .hovertext")
    label.wait_for()
    text = label.text_content()
    assert "Q5" in text
    assert "nats" in text
    assert "grpo" in text


def test_no_button_of_a_chart_sends_it_away(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    titles = page.locator(".modebar-btn").evaluate_all("all => all.map(one => one.dataset.title)")
    assert titles == ["Download plot", "Zoom", "Pan", "Reset axes"]


@pytest.mark.parametrize("trace", ["scatter", "heatmap", "histogram", "box", "violin"])
def test_kinds_of_charts_draw_under_the_security_policy(tmp_path: Path, open_file: Any, trace: str) -> None:
    data = {"type": trace, "x": [1, 2, 3], "y": [1, 2, 3]}
    if trace == "heatmap":
        data = {"type": trace, "z": [[-1.0, 0.0], [0.5, float("nan")]]}
    page = open_file(write(tmp_path, Chart("A chart", {"data": [data]}))).page
    assert page.locator(".plot .main-svg").count() > 0


def test_filter_leaves_the_rows_with_all_words(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    assert page.locator(".filter .count").inner_text() == "12 of 12 rows"
    page.locator(".filter input").fill("Q1 87.5")
    assert page.locator(".filter .count").inner_text() == "0 of 12 rows"
    assert page.locator(".empty").is_visible()
    page.locator(".filter input").fill("LEFT q1")
    assert page.locator("tbody tr:visible").count() == 4
    assert page.locator(".filter .count").inner_text() == "4 of 12 rows"
    page.locator(".filter input").fill("-0.0")
    assert all("−0.0" in row for row in page.locator("tbody tr:visible").all_inner_texts())


def test_headings_sort_by_number_with_gaps_last(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    place = 3 + len(ARMS)
    head = page.locator("th").nth(place - 1)
    for order, down in (("ascending", False), ("descending", True)):
        head.locator("button").press("Enter")
        assert head.get_attribute("aria-sort") == order
        shown = column(page, place)
        assert shown[-1] == "–"
        values = [number_of(text) for text in shown[:-1]]
        assert values == sorted(values, reverse=down)
        assert min(values) < 0 < max(values)
    page.locator("th button").first.click()
    assert column(page, 1)[:3] == [f"Q{one}: how many are left?" for one in (1, 2, 3)]
    assert head.get_attribute("aria-sort") == "none"


def test_columns_that_do_not_fit_wait_behind_a_button(tmp_path: Path, open_file: Any) -> None:
    columns = [Column("arm", "rule"), *(Column(f"c{n}", f"figure {n}", "number", spread=["e"]) for n in range(12))]
    rows = [{"arm": f"rule {row}", "e": 0.25} | {f"c{n}": row + n / 8 for n in range(12)} for row in range(3)]
    page = open_file(write(tmp_path, Table("T", columns, rows))).page
    box, more = page.locator(".scroll"), page.locator(".columns-more")
    fits = "box => box.scrollWidth <= box.clientWidth"
    assert box.evaluate(fits) and more.is_visible()
    assert page.locator("th:visible").count() < 13
    assert page.locator("tbody td:visible").nth(1).inner_text() == "0 ± 0.25"  # the second column decides, and stays
    more.click()
    assert page.locator("th:visible").count() == 13 and not box.evaluate(fits)
    more.click()
    page.set_viewport_size({"width": 2400, "height": 900})  # the page itself is no wider than its text
    assert box.evaluate(fits)
    page.set_viewport_size({"width": 390, "height": 800})  # a finger moves the table; the names stay
    page.wait_for_function("() => document.querySelectorAll('th.folded').length === 0")
    box.evaluate("box => box.scrollTo(400, 0)")
    assert page.locator("tbody td").first.bounding_box()["x"] >= 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_paper_is_light(report: Path, open_file: Any) -> None:
    page = open_file(report, scheme="dark").page
    ink = "() => getComputedStyle(document.querySelector('.plot .gtitle, .plot text')).fill"
    dark = page.evaluate(ink)
    page.emulate_media(media="print")
    page.wait_for_function(f"dark => ({ink})() !== dark", arg=dark)
    page.emulate_media(media="screen")
    page.wait_for_function(f"dark => ({ink})() === dark", arg=dark)


def test_flags_and_code_in_a_sentence(tmp_path: Path, open_file: Any) -> None:
    cards = Cards("C", [Card("Δ", "-0.5 nats", "Run `antigrad report --json` with --held_out, <b>or</b> 3-4 times.")])
    page = open_file(write(tmp_path, cards)).page
    assert page.locator(".card .value").inner_text() == "−0.5 nats"
    note = page.locator(".card .note")
    assert note.inner_text() == "Run antigrad report --json with --held_out, <b>or</b> 3-4 times."
    assert note.locator("code").inner_text() == "antigrad report --json"
    assert note.locator(".flag").all_inner_texts() == ["--json", "--held_out"]


def test_infinite_cells_sort_at_the_ends(tmp_path: Path, open_file: Any) -> None:
    values = [1.0, float("-inf"), None, float("inf"), -2.0, float("nan")]
    rows = [{"v": value} for value in values]
    page = open_file(write(tmp_path, Table("T", [Column("v", "v", "number", "A value")], rows))).page
    assert page.locator("th button").get_attribute("title") == "A value"
    page.locator("th button").click()
    assert column(page, 1) == ["−∞", "−2.000", "1.000", "∞", "–", "–"]
    page.locator("th button").click()
    assert column(page, 1) == ["∞", "1.000", "−2.000", "−∞", "–", "–"]


def test_hover_and_keyboard_show_what_is_known_of_a_token(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    token = page.locator(".response .tok.marked").first
    token.hover()
    tip = page.locator("#tip")
    assert tip.is_visible()
    known = dict(zip(tip.locator("dt").all_inner_texts(), tip.locator("dd").all_inner_texts(), strict=True))
    assert set(known) == {"s", "τ", "η", "p"}
    assert float(known["s"]) > TAU
    assert known["τ"] == "0.4000"
    assert known["η"] == "0.2500"
    assert 0 <= float(known["p"]) <= 1
    assert "selected: s > τ" in tip.inner_text()

    first = page.locator(".response").first.locator(".tok")
    first.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert tip.locator(".text").inner_text() == '" need"'
    assert (
        first.nth(2).evaluate("one => one === document.activeElement && one.getAttribute('aria-describedby')") == "tip"
    )
    assert tip.locator("dt").all_inner_texts() == ["p"]
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_positive_is_orange_negative_is_blue_and_strength_grows(tmp_path: Path, open_file: Any) -> None:
    tokens = [Token(" a", 2.0, True), Token("\nb", -1.0), Token("c\t", 0.5), Token("d", 0.0), Token("e"), Token("")]
    group = TokenGroup("G", "Why?", [Response("r", "wrong", tokens)], threshold=1.0)
    page = open_file(write(tmp_path, Tokens("T", [group], "score", "selected"))).page
    shown = page.locator(".response .tok")
    classes = shown.evaluate_all("all => all.map(one => one.className)")
    assert classes == ["tok marked hurts", "tok helps", "tok hurts", "tok", "tok", "tok"]
    mixes = shown.evaluate_all("all => all.map(one => getComputedStyle(one).backgroundColor)")
    shares = [
        [float(part) for part in mix[mix.index("(") + 1 : -1].replace("srgb", "").replace("/", "").split()]
        for mix in mixes
    ]
    assert [round(255 * part) for part in shares[0][:3]] == list(ORANGE)
    assert [round(255 * part) for part in shares[1][:3]] == list(BLUE)
    assert [round(share[3], 3) for share in shares] == [0.9, 0.45, 0.225, 0, 0, 0]
    assert shown.evaluate_all("all => all.map(one => one.textContent)") == [token.text for token in tokens]
    assert page.locator(".legend .end").all_inner_texts() == ["−2.000", "2.000"]
    tick, ramp = page.locator(".ramp .tick").bounding_box(), page.locator(".ramp").bounding_box()
    assert (tick["x"] + 1 - ramp["x"]) / ramp["width"] == pytest.approx(0.75, abs=0.01)
    symbols = page.locator(".answer .newline, .answer .tab, .answer .space")
    drawn = symbols.evaluate_all(
        "all => all.map(one => ['::before', '::after'].map(p => getComputedStyle(one, p).content))"
    )
    assert drawn == [["none", '"·"'], ['"⏎"', "none"], ['"⇥"', "none"]]


def test_only_the_chosen_question_is_in_the_document(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    before = page.locator(".group .answer").all_inner_texts()
    assert len(before) == 8
    assert "Q1: Anna" in page.locator(".prompt").inner_text()
    page.get_by_role("button", name="Next question").click()
    assert page.locator(".picker .count").inner_text() == "2 of 12"
    assert "Q2: Anna has 3 apples and buys 4 more.\nShe shares" in page.locator(".prompt").inner_text()
    page.locator(".picker select").select_option(index=QUESTIONS - 1)
    assert "Q12: Anna" in page.locator(".prompt").inner_text()
    assert page.locator(".group .answer").count() == 8
    assert page.get_by_role("button", name="Next question").is_disabled()
    assert page.locator(".chip").all_inner_texts()[:2] == ["τ 0.4000", "η 0.2500"]
    assert page.locator(".badge").all_inner_texts() == ["✓ correct"] * 4 + ["✗ wrong"] * 3 + ["○ excluded"]


def test_the_button_changes_page_and_charts(report: Path, open_file: Any) -> None:
    page = open_file(report).page
    look = """() => [document.body, document.querySelector(".plot .main-svg")].map(
        (one) => getComputedStyle(one).backgroundColor)"""
    tick = "() => getComputedStyle(document.querySelector('.plot .xtick text')).fill"
    light, light_tick = page.evaluate(look), page.evaluate(tick)
    page.locator("#theme").click()
    dark, dark_tick = page.evaluate(look), page.evaluate(tick)
    assert light[0] == "rgb(247, 248, 249)"
    assert dark[0] == "rgb(16, 19, 23)"
    assert light[1] != dark[1]
    assert light_tick != dark_tick
    page.locator("#theme").click()
    assert [page.evaluate(look), page.evaluate(tick)] == [light, light_tick]


def test_the_system_decides_on_dark_first(report: Path, open_file: Any) -> None:
    page = open_file(report, scheme="dark").page
    background = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(16, 19, 23)"
    page.locator("#theme").click()
    assert page.evaluate(background) == "rgb(247, 248, 249)"


@pytest.mark.parametrize("which", ["report", "hostile"])
def test_a_phone_needs_no_sideways_scroll(which: str, open_file: Any, request: pytest.FixtureRequest) -> None:
    page = open_file(request.getfixturevalue(which), width=380, height=800, has_touch=True, is_mobile=True).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    page.locator(".response .tok").nth(3).tap()
    box = page.locator("#tip").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 380


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_text_shows_as_text_everywhere(hostile: Path, open_file: Any, scheme: str) -> None:
    page = open_file(hostile, scheme=scheme).page
    attack = f"{SCRIPT} {IMAGE} {LINK}"
    places = [
        *("h1", ".said .question", ".said .outcome", ".said .sure", ".advice", ".caveats li", ".about", ".card .label"),
        *(".card .value", ".card .note", "tbody td", ".links a", ".prompt", ".chip >> nth=3", ".response strong"),
        *(".response .note", ".legend .scale .name", ".picker option"),
        *(".plot .legendtext", ".plot .xtitle", ".plot .xtick text"),
    ]
    for place in places:
        assert attack in page.locator(place).first.text_content(), place
    assert SCRIPT in page.locator(".yaml pre").text_content()
    page.locator(".plot .trace.bars .point").nth(1).hover(force=True)
    page.locator(".hoverlayer .hovertext").wait_for()
    assert page.locator(".hoverlayer .hovertext").text_content().count(attack) == 3
    last = page.locator(".response .answer").first.locator(".tok").last
    assert last.text_content() == f" answer {attack}"
    last.hover()
    tip = page.locator("#tip")
    assert f"note {attack}" in tip.locator("dt").all_inner_texts()
    assert f"x {attack}" in tip.locator("dd").all_inner_texts()
    page.get_by_role("button", name="Next question").click()
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, main a, .plot a, main b, main i:not(.tick)").count() == 0


NAMES = """() => [...document.querySelectorAll(".plot")].map((plot) => Object.fromEntries(plot._fullData.map(
  (trace) => [trace.name, trace.type === "bar" ? trace.marker.color : trace.line.color])))"""


def test_a_name_has_one_colour_on_the_whole_page_and_no_two_share_one_in_a_chart(
    tmp_path: Path, open_file: Any
) -> None:
    def chart(*names: str, kind: str = "scatter") -> Chart:
        data = [{"type": kind, "name": name, "x": [1, 2], "y": [1, 2]} for name in names]
        return Chart("C", {"data": data, "layout": {}})

    asked = {"type": "scatter", "name": "z", "x": [1, 2], "y": [1, 2], "line": {"color": "series-1"}}
    many = [f"m{number}" for number in range(7)]
    sections = [chart("a", "b", "c"), chart("c", "a", kind="bar"), chart("d", "b"), chart(*many)]
    opened = open_file(write(tmp_path, *sections, Chart("C", {"data": [asked], "layout": {}})))
    first, second, third, fourth, last = opened.page.evaluate(NAMES)
    assert len({*first.values(), third["d"], last["z"]}) == 5
    assert (second["a"], second["c"], third["b"]) == (first["a"], first["c"], first["b"])
    assert len(set(fourth.values())) == 7
    assert opened.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--series-1')")


def test_columns_beyond_the_deciding_ones_are_behind_a_button(tmp_path: Path, open_file: Any) -> None:
    columns = [Column("a", "A"), Column("b", "B", "number"), Column("c", "C", "number", more=True)]
    table = Table("T", columns, [{"a": "x", "b": 1, "c": 3}, {"a": "y", "b": 2, "c": 4}])
    page = open_file(write(tmp_path, table)).page
    assert [head.is_visible() for head in page.locator("th").all()] == [True, True, False]
    page.get_by_role("button", name="More columns").click()
    assert page.locator("th").nth(2).is_visible() and page.locator("td").nth(2).inner_text() == "3"
    page.get_by_role("button", name="Fewer columns").click()
    assert not page.locator("th").nth(2).is_visible()


def test_what_pulls_up_is_blue_where_above_zero_is_up(tmp_path: Path, open_file: Any) -> None:
    group = TokenGroup("G", "Why?", [Response("r", "", [Token("a", 2.0), Token("b", -1.0)])])
    page = open_file(write(tmp_path, Tokens("T", [group], "score", "", positive="helps"))).page
    classes = page.locator(".response .tok").evaluate_all("all => all.map(one => one.className)")
    assert classes == ["tok helps", "tok hurts"]
    assert page.locator(".legend .end").all_inner_texts() == ["−2.000", "2.000"]
    image = page.locator(".ramp").evaluate("one => getComputedStyle(one).backgroundImage")
    first, _, last = re.findall(r"rgb\([^)]*\)", image)
    assert first == "rgb({}, {}, {})".format(*ORANGE) and last == "rgb({}, {}, {})".format(*BLUE)


def test_an_injected_script_would_be_refused(report: Path, open_file: Any) -> None:
    opened = open_file(report)
    opened.page.evaluate("""() => {
        const script = document.createElement('script');
        script.textContent = 'window.hacked = 1';
        document.body.append(script);
    }""")
    assert opened.page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in complaint for complaint in opened.complaints)
    opened.complaints.clear()


def test_nothing_points_outside(hostile: Path, open_file: Any) -> None:
    page = open_file(hostile).page
    targets = page.evaluate(
        "[...document.querySelectorAll('[src],[href],[action],[data]')].map(one => one.getAttribute('href') ?? '')"
    )
    assert targets
    assert all(target.startswith("#") for target in targets)


def test_copying_gives_the_configuration(report: Path, open_file: Any) -> None:
    page = open_file(report, permissions=["clipboard-read", "clipboard-write"]).page
    page.locator(".copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert "name: smollm2-135m" in page.evaluate("navigator.clipboard.readText()")


def test_empty_sections_are_quiet(tmp_path: Path, open_file: Any) -> None:
    empty = [Chart("C", {}), Table("T", [Column("a", "A")], []), Tokens("K", [], "s", "m")]
    group = TokenGroup("G", "", [Response("r", "correct", [])])
    page = open_file(write(tmp_path, *empty, Tokens("One", [group], "s", "m"))).page
    assert page.locator(".picker .count").all_inner_texts() == ["0 of 0", "1 of 1"]
    assert page.locator("section").count() == 5
