"""What a user meets when writing a report: a file, or one clear sentence."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.core.page import (
    Actor,
    Card,
    Cards,
    Chart,
    Column,
    Line,
    Mark,
    Page,
    Playback,
    PlayedScene,
    Response,
    Table,
    Token,
    TokenGroup,
    Tokens,
    Track,
    Verdict,
)
from antigrad.core.runs import RunFolder
from antigrad.report import write_report
from antigrad.report.read import read_page

SECTIONS = [
    Cards("Figures", [Card("accuracy", "50 %", tone="good")]),
    Chart("Chart", {"data": [{"type": "bar", "y": [1.0, None]}]}),
    Table("Table", [Column("a", "A", "signed")], [{"a": -0.5}, {}]),
    Tokens(
        "Tokens", [TokenGroup("G", "P", [Response("r", "wrong", [Token("NaN", 0.5, True, {"s": "NaN"})])])], "s", "m"
    ),
    Playback(
        "Scenes",
        [
            PlayedScene(
                "one",
                "Avoidable.",
                "bad",
                0.1,
                1,
                [Actor("ego", "ego", 4.5, 2.0, Track([0.0, None], [1.0, None], [0.1, None]))],
                [Line("gap", "m", [1.0, None])],
                [Mark("contact", 0.1, "bad")],
                [[0.0, 1.0, 2.0, 3.0]],
            )
        ],
    ),
]


VERDICT = Verdict("Does it run?", "It ran.", "Once.", "Go on.", ["On one machine."], "good")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = RunFolder.start(tmp_path / "run", job="demo", config={"seed": 1, "text": "</pre><script>"})
    Page("Demo", VERDICT, SECTIONS).write(run)
    run.write_summary({"accuracy": 0.5})
    return run


def spoil(run: RunFolder, change: Callable[[dict[str, Any]], object]) -> None:
    path = run.artifact("page.json")
    page = json.loads(path.read_text())
    change(page)
    path.write_text(json.dumps(page))


def test_a_page_reads_back_as_it_was_written(run: RunFolder) -> None:
    assert read_page(run) == Page("Demo", VERDICT, SECTIONS)


def test_a_page_from_before_there_were_verdicts_reads_still(run: RunFolder) -> None:
    def old(page: dict[str, Any]) -> None:
        page["lead"] = page.pop("verdict")["answer"]

    spoil(run, old)
    assert read_page(run).verdict == Verdict("", "It ran.", "", "")


def test_the_verdict_comes_before_every_section_and_its_caveats_are_folded(run: RunFolder) -> None:
    html = write_report(run).read_text()
    places = [
        html.index(text) for text in ("Does it run?", "It ran.", "Once.", "Go on.", "<details", "On one machine.")
    ]
    assert places == sorted(places) and places[-1] < html.index("<section")
    assert 'class="finding good"' in html


def test_values_that_are_not_finite_read_back_and_words_stay_words(run: RunFolder) -> None:
    tokens = [Token("Infinity", float("inf")), Token("b", float("-inf"))]
    page = Page("", VERDICT, [Tokens("T", [TokenGroup("G", "", [Response("r", "wrong", tokens)])], "s", "m")])
    page.write(run)
    assert read_page(run) == page


def test_one_file_with_configuration_versions_and_summary(run: RunFolder) -> None:
    path = write_report(run)
    html = path.read_text()
    assert path == run.path / "report.html"
    text = html[html.index("<main") :]
    assert "seed: 1" in text
    assert "&lt;/pre&gt;&lt;script&gt;" in text
    assert run.facts["versions"]["torch"] in text
    assert "<dt>accuracy</dt><dd>0.5000</dd>" in text
    assert 'data-key="-0.5">−0.5000</td>' in text
    assert not re.findall(r"""(?:src|href|action)\s*=\s*["']?(?:https?:|//)""", html.split("<script>")[0])
    assert len(html.split("plotly.js v")) == 2


def test_plotly_comes_only_with_a_chart(run: RunFolder) -> None:
    Page("Demo", "No chart.", SECTIONS[:1]).write(run)
    assert write_report(run).stat().st_size < 100_000


def test_writing_again_gives_the_same_file(run: RunFolder) -> None:
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_half_characters_do_not_stop_the_report(run: RunFolder) -> None:
    spoil(run, lambda page: page.update(title="half \ud83d"))
    assert "half ?" in write_report(run).read_text()


def test_an_unfinished_run_says_how_to_finish(tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path / "run", job="diagnose", config={})
    with pytest.raises(AntigradError, match=r"not finished.*antigrad diagnose.*--resume"):
        write_report(run)
    assert not (run.path / "report.html").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda page: page.pop("title"), r"page is a Page with keys missing or unknown: \['title'\]"),
        (lambda page: page.update(more=1), r"missing or unknown: \['more'\]"),
        (lambda page: page.update(sections={}), r"page\.sections is '{}', not a list"),
        (lambda page: page["sections"][0].update(kind="map"), r"page\.sections\[0\] is of kind 'map', not one of"),
        (lambda page: page["sections"].append([]), r"page\.sections\[5\] is of kind None"),
        (lambda page: page["sections"][0]["cards"][0].update(tone="loud"), r"\.cards\[0\]\.tone is 'loud', not one of"),
        (lambda page: page["sections"][2]["rows"].append(3), r"\.rows\[2\] is '3', not a mapping"),
        (lambda page: _token(page).update(value="big"), r"\.responses\[0\]\.tokens\[0\]\.value is 'big', not float"),
        (lambda page: _token(page).update(text=1.5), r"\.tokens\[0\]\.text is '1\.5', not str"),
        (lambda page: _token(page).update(tip={"s": []}), r"\.tip\.s is '\[\]', not float or str or NoneType"),
    ],
)
def test_a_damaged_page_names_the_place(
    run: RunFolder, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    spoil(run, change)
    with pytest.raises(InputValueError, match=message):
        write_report(run)


def _token(page: dict[str, Any]) -> dict[str, Any]:
    return page["sections"][3]["groups"][0]["responses"][0]["tokens"][0]


@pytest.mark.parametrize("content", [b"", b'{"title": ', b"[]", b"\xff\xfe"])
def test_a_page_that_is_no_json_object_is_a_clear_error(run: RunFolder, content: bytes) -> None:
    run.artifact("page.json").write_bytes(content)
    with pytest.raises(InputValueError, match=r"damaged .*page\.json.*run the job again"):
        write_report(run)


def test_a_damaged_summary_is_a_clear_error(run: RunFolder) -> None:
    (run.path / "summary.json").write_text('{"a"')
    with pytest.raises(InputValueError, match=r"summary\.json"):
        write_report(run)


def test_missing_packages_name_the_extra(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "antigrad.report.render", raising=False)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(AntigradError, match=r"no module 'jinja2'.*antigrad\[report\]"):
        write_report(run)
