"""A group of responses as the script gets it."""

from __future__ import annotations

import math

from antigrad.core.page import Response, Token, TokenGroup
from antigrad.report.tokens import group_view


def test_values_are_shares_of_the_largest_of_the_group() -> None:
    one = Response("a", "wrong", [Token("x", 1.0, True, {"s": 1.0}), Token("y", -4.0), Token("z", tip={"p": None})])
    two = Response("b", "correct", [Token("u", 2.0), Token("v", math.nan), Token("w", math.inf)], "note")
    view = group_view(TokenGroup("G", "Why?", [one, two], {"τ": 0.5, "rule": "mean"}, threshold=-1.0))
    assert view["responses"][0]["shares"] == [0.25, -1.0, None]
    assert view["responses"][1]["shares"] == [0.5, None, 1.0]
    assert view["responses"][0]["marked"] == [0]
    assert view["responses"][0]["tipKeys"] == ["s", "p"]
    assert view["responses"][0]["tips"] == [["1.000", None], [None, None], [None, "–"]]
    assert (view["low"], view["high"]) == ("−4.000", "4.000")
    assert (view["threshold"], view["thresholdText"]) == (-0.25, "−1.000")
    assert view["facts"] == [["τ", "0.5000"], ["rule", "mean"]]


def test_a_scale_without_negative_values_begins_at_zero() -> None:
    view = group_view(TokenGroup("G", "", [Response("a", "wrong", [Token("x", 0.0), Token("y", 3.0)])], threshold=9.0))
    assert view["low"] is None
    assert view["threshold"] == 1.0


def test_a_group_without_values_has_no_scale() -> None:
    view = group_view(TokenGroup("G", "", [Response("a", "correct", [Token("x"), Token("y", 0.0)])], threshold=1.0))
    assert (view["low"], view["high"], view["threshold"]) == (None, None, None)
    assert view["responses"][0]["shares"] == [None, None]
