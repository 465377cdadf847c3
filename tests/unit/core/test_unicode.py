"""Half characters are found wherever they are."""

from typing import Any

import pytest

from antigrad.core.unicode import half_character


@pytest.mark.parametrize("value", ["a\ud800", ["\ud800"], {"a": [{"\ud800": 1}]}])
def test_half_a_character(value: Any) -> None:
    assert half_character(value) == "\\ud800"


def test_whole_ones() -> None:
    assert half_character({"a": "\U0001f600 grüße", "b": [1, None, b"x"]}) == ""
