"""The code blocks of the page on scenes run as they stand, in order; its table names what there is."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antigrad.scenarios.io import READERS, WRITERS

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "scenes.md").read_text()


def test_the_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        exec(block, names)
    assert names["scenes"].shape == (4, 12, 91)
    assert all(found.warnings == () for found in names["diagnose"](names["scenes"]))
    assert sorted(path.name for path in (tmp_path / "written").iterdir()) == sorted(WRITERS.names())
    (pickled,) = (tmp_path / "written" / "scenarionet").glob("*.pkl")
    (back,) = READERS.make("scenarionet")(pickled)
    np.testing.assert_allclose(back.xy, names["scene"].xy, atol=1e-9)


def test_the_table_names_every_format() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes)? ?\| (yes)? ?\|", PAGE, re.MULTILINE)
    assert {name for name, read, _ in rows if read} == set(READERS.names())
    assert {name for name, _, written in rows if written} == set(WRITERS.names())
