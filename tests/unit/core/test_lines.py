"""Rows of an artifact: every character a text may hold comes back, and what is damaged is named."""

from pathlib import Path

import pytest

from antigrad.core.errors import InputValueError
from antigrad.core.lines import read_lines, write_lines

ODD = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei\rj\r\nk\tl"
"""Everything that `splitlines` takes for the end of a line."""


def test_a_text_with_ends_of_lines_comes_back(tmp_path: Path) -> None:
    rows = [{"prompt": ODD, "n": 1}, {"prompt": "\ufeff", "n": 2}]
    path = write_lines(tmp_path / "rows.jsonl", rows)
    assert len(path.read_text(encoding="utf-8").splitlines()) > 2  # what reading by lines of Python would make of it
    assert read_lines(path) == rows


@pytest.mark.parametrize(
    ("content", "place"),
    [(b'{"a": 1}\n{"a"', "line"), (b'{"a": 1}\n[1]\n', "line 2"), (b"\xff\xfe\n", "line 1"), (b"[" * 100_000, "rows"),
     (b'{"a": ' + b"9" * 6000 + b"}\n", "line 1"), (b'{"a": 1}\n\n', "line 2"), (None, "rows.jsonl")],
)  # fmt: skip
def test_damage_is_named(tmp_path: Path, content: bytes | None, place: str) -> None:
    path = tmp_path / "rows.jsonl"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(InputValueError, match=place):
        read_lines(path)
