"""The ledger as Parquet: every row, every figure, and what is nested as JSON."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from antigrad.cli.main import main
from antigrad.core import tables
from antigrad.core.ledger import Ledger
from antigrad.core.runs import RunFolder
from antigrad.report import write_tables

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

ROWS: list[dict[str, Any]] = [
    {"kind": "step", "step": 1, "loss": 0.5, "text": "a", "good": True, "parts": {"up": 1.0}, "mixed": 1, "big": 2**70},
    {
        "kind": "step",
        "step": 2,
        "loss": math.nan,
        "text": "NaN",
        "good": False,
        "parts": None,
        "mixed": "x",
        "big": None,
    },
    {
        "kind": "step",
        "step": 3,
        "loss": 2,
        "text": None,
        "good": None,
        "parts": [math.inf],
        "mixed": None,
        "late": -1.0,
    },
    {"kind": "an alarm/../x", "step": 3, "text": "\ud800 lone"},
]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    one = RunFolder.start(tmp_path / "run", job="demo", config={})
    one.ledger.path.write_text("".join(json.dumps(row) + "\n" for row in ROWS[3:]))  # as another program might write it
    one.ledger.extend(ROWS[:3])
    return one


def test_every_row_and_figure(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "AT_ONCE", 2)  # batches are joined
    paths = {path.name: path for path in write_tables(run)}
    assert sorted(paths) == ["an-alarm----x.parquet", "step.parquet"]
    table = pq.read_table(paths["step.parquet"]).to_pydict()
    assert table["step"] == [1, 2, 3]
    assert table["loss"][0] == 0.5 and math.isnan(table["loss"][1]) and table["loss"][2] == 2.0
    assert table["text"] == ["a", "NaN", None] and table["good"] == [True, False, None]
    assert table["parts"] == ['{"up": 1.0}', None, '["Infinity"]']
    assert table["mixed"] == ["1", '"x"', None] and table["big"] == [str(2**70), None, None]
    assert table["late"] == [None, None, -1.0]
    assert pq.read_table(paths["an-alarm----x.parquet"]).to_pydict()["text"] == ["? lone"]
    assert not list((run.path / "artifacts").rglob(".*"))


def test_by_the_command_line(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run.path), "--parquet"]) == 0
    assert "tables/step.parquet" in capsys.readouterr().out
    assert not (run.path / "report.html").exists()


def test_a_ledger_without_rows(tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path / "run", job="demo", config={})
    assert write_tables(run) == []
    Ledger(run.ledger.path).append({"kind": "empty"})
    (path,) = write_tables(run)
    assert pq.read_table(path).to_pydict() == {"kind": ["empty"]}
