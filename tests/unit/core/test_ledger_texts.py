"""A model may answer `NaN`: a text must never come back as a number, nor a number as a text."""

import math
from pathlib import Path

from antigrad.core import Ledger
from antigrad.core.ledger import from_json, to_json


def test_texts_that_name_numbers_stay_texts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append({"tokens": ["NaN", "Infinity", "-Infinity", "1"], "scores": [math.nan, math.inf, -math.inf, 1.0]})
    row = ledger.rows()[0]
    assert row["tokens"] == ["NaN", "Infinity", "-Infinity", "1"]
    assert math.isnan(row["scores"][0])
    assert row["scores"][1:] == [math.inf, -math.inf, 1.0]


def test_the_mark_of_a_text_is_undone_once() -> None:
    assert from_json(to_json({"answer": "NaN", "nested": [{"x": "Infinity"}]})) == {
        "answer": "NaN",
        "nested": [{"x": "Infinity"}],
    }
