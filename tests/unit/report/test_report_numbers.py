"""How values look, and by what they sort."""

from __future__ import annotations

import math

import pytest

from antigrad.report.numbers import show, sort_key


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.123456, "number", "0.1235"),
        (-0.123456, "number", "−0.1235"),
        (0.5, "number", "0.5000"),
        (1234.56, "number", "1235"),
        (123456.0, "number", "1.235e5"),
        (-1.5e-7, "number", "−1.500e−7"),
        (9.99996, "number", "10.00"),
        (0.0, "number", "0"),
        (-0.0, "number", "0"),
        (12345, "number", "12,345"),
        (0.02, "signed", "+0.02000"),
        (-0.02, "signed", "−0.02000"),
        (0.0, "signed", "0"),
        (3, "signed", "+3"),
        (0.256, "percent", "25.6%"),
        (-0.256, "percent", "−25.6%"),
        (-0.0001, "percent", "0.0%"),
        (1, "percent", "100.0%"),
        (12345.6, "integer", "12,346"),
        (math.inf, "number", "∞"),
        (-math.inf, "signed", "−∞"),
        (math.nan, "signed", "NaN"),
        ("-Infinity", "number", "−∞"),
        ("NaN", "percent", "NaN"),
        ("-Infinity", "text", "-Infinity"),
        ("cat", "number", "cat"),
        (None, "integer", "–"),
        (None, "text", "–"),
        (True, "number", "yes"),
        (False, "text", "no"),
        ([1, "é"], "text", '[1, "é"]'),
    ],
)
def test_show(value: object, form: str, text: str) -> None:
    assert show(value, form) == text  # pyright: ignore[reportArgumentType]


def test_sort_key_has_no_place_for_what_is_no_number() -> None:
    assert [sort_key(value) for value in (None, "cat", math.nan, "NaN")] == [None] * 4
    assert [sort_key(value) for value in (-2, 0.5, "Infinity", -math.inf)] == [-2.0, 0.5, math.inf, -math.inf]
