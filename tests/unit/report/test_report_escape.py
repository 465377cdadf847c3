"""Nothing that goes into the page as data can become markup."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antigrad.report.escape import gaps, plain_figure
from antigrad.report.render import templates

TEMPLATE = templates().from_string('<script type="application/json">{{ value | tojson }}</script>')
START, END = '<script type="application/json">', "</script>"


def script_json(value: object) -> str:
    """What the page has between its tags."""
    text = TEMPLATE.render(value=gaps(value))
    assert text.startswith(START) and text.endswith(END)
    return text[len(START) : -len(END)]


@given(st.recursive(st.text() | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False,
       allow_infinity=False), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_script_json_is_inert_and_reads_back(value: object) -> None:
    text = script_json(value)
    assert text.isascii()
    assert not set("<>&'\n") & set(text)
    assert json.loads(text) == value


def test_script_json_writes_line_separators_and_gaps() -> None:
    assert script_json("\u2028\u2029") == '"\\u2028\\u2029"'
    assert script_json({"a": [math.nan, math.inf, 1.5]}) == '{"a":[null,null,1.5]}'
    assert script_json("\ud800") == '"\\ud800"'


def test_what_no_gap_was_made_of_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        TEMPLATE.render(value=math.nan)


def test_every_text_of_a_figure_is_plain() -> None:
    figure = {
        "data": [{"name": "<b>a</b> & b", "x": ["<a href='javascript:x'>", 1], "customdata": [["<i>", ["&lt;"]]]}],
        "layout": {"title": {"text": "one\ntwo<br>"}, "annotations": [{"text": "<sup>2</sup>"}]},
    }
    assert plain_figure(figure) == {
        "data": [
            {
                "name": "&lt;b&gt;a&lt;/b&gt; &amp; b",
                "x": ["&lt;a href='javascript:x'&gt;", 1],
                "customdata": [["&lt;i&gt;", ["&amp;lt;"]]],
            }
        ],
        "layout": {
            "title": {"text": "one<br>two&lt;br&gt;"},
            "annotations": [{"text": "&lt;sup&gt;2&lt;/sup&gt;"}],
        },
    }


def test_templates_keep_line_ends_and_extra_alone() -> None:
    template = "%{x}<br><b>%{y}</b><extra>%{fullData.name}</extra><br onclick=x>"
    plain = "%{x}<br>&lt;b&gt;%{y}&lt;/b&gt;<extra>%{fullData.name}</extra>&lt;br onclick=x&gt;"
    assert plain_figure({"hovertemplate": template, "texttemplate": [template], "text": "<br>"}) == {
        "hovertemplate": plain,
        "texttemplate": [plain],
        "text": "&lt;br&gt;",
    }


def test_numbers_that_are_not_finite_are_gaps_and_words_stay() -> None:
    figure = {"y": [1.0, "NaN", "-Infinity", None], "text": ["NaN", "Infinity"]}
    assert plain_figure(figure) == {"y": [1.0, None, None, None], "text": ["NaN", "Infinity"]}
