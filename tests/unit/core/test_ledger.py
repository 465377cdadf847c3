"""Rows survive a crash at any byte, a full disk, and a reader beside the writer."""

import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from antigrad.core import AntigradError, InputTypeError, InputValueError, Ledger

ROWS = [{"kind": "step", "n": 1}, {"kind": "note", "text": "grüße\u2028✓\n"}, {"kind": "step", "n": 2, "loss": 0.5}]
KILLS = """
import os, signal, sys
from pathlib import Path
from antigrad.core.ledger import Ledger

path, number = Path(sys.argv[1]), 0
for least in (5, 40, 90, 91, 150):
    child = os.fork()
    while child == 0:
        Ledger(path).append({"n": number, "check": number * 7919, "pad": "x" * (number % 97)})
        number += 1
    while not path.exists() or path.read_bytes().count(b"\\n") < least:
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(len(Ledger(path).rows()))
"""


def filled(folder: Path) -> Ledger:
    ledger = Ledger(folder / "ledger.jsonl")
    for row in ROWS:
        ledger.append(row)
    return ledger


def test_rows_come_back_in_order(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    assert ledger.rows() == ROWS
    assert list(ledger) == ROWS
    assert ledger.rows("step") == [ROWS[0], ROWS[2]]
    assert ledger.rows("other") == []
    assert Ledger(ledger.path).rows() == ROWS


def test_no_file_is_no_rows(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "none.jsonl").rows() == []
    assert Ledger(tmp_path / "none.jsonl").table() == {}


def test_table_fills_gaps(tmp_path: Path) -> None:
    assert filled(tmp_path).table("step") == {"kind": ["step", "step"], "n": [1, 2], "loss": [None, 0.5]}


def test_truncation_at_every_byte_loses_the_cut_row_only_and_is_repaired(tmp_path: Path) -> None:
    whole = filled(tmp_path).path.read_bytes()
    ends = [0, *(i + 1 for i, byte in enumerate(whole) if byte == ord("\n"))]
    for cut in range(len(whole) + 1):
        path = tmp_path / "cut.jsonl"
        path.write_bytes(whole[:cut])
        ledger, kept = Ledger(path), sum(end <= cut for end in ends) - 1
        assert ledger.rows() == ROWS[:kept]
        ledger.append({"kind": "after"})
        assert ledger.rows() == [*ROWS[:kept], {"kind": "after"}]
        assert path.read_bytes() == whole[: ends[kept]] + b'{"kind": "after"}\n'


def test_a_long_cut_row_is_repaired(tmp_path: Path) -> None:
    """Longer than one backward read."""
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"n": 1}\n{"text": "' + b"x" * 200_000)
    Ledger(path).append({"n": 2})
    assert path.read_bytes() == b'{"n": 1}\n{"n": 2}\n'


def test_numbers_that_are_not_finite_round_trip_as_strict_json(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append({"a": math.nan, "b": [math.inf, {"c": -math.inf}], "d": 1e-320})
    (row,) = ledger.rows()
    assert math.isnan(row["a"])
    assert row["b"] == [math.inf, {"c": -math.inf}]
    assert row["d"] == 1e-320
    json.loads(ledger.path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_tensors_and_arrays_become_numbers(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    tensors = {"a": torch.tensor(0.5), "c": torch.tensor([1, 2]), 7: torch.tensor(True), "g": torch.tensor(math.inf)}
    arrays = {"b": np.float32(0.25), "d": np.int64(3), "f": np.array([math.nan, 1.0]), "h": np.float64(0.1)}
    ledger.append({**tensors, **arrays, "e": (True, None)})  # type: ignore[dict-item]
    (row,) = ledger.rows()
    assert math.isnan(row.pop("f")[0])
    assert row == {"a": 0.5, "b": 0.25, "c": [1, 2], "d": 3, "e": [True, None], "7": True, "g": math.inf, "h": 0.1}


def test_values_without_a_form_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    before = ledger.path.read_bytes()
    for value in ({1, 2}, object(), b"bytes", 1j):
        with pytest.raises(InputTypeError, match=f"a {type(value).__name__} in a ledger row"):
            ledger.append({"value": value})
    assert ledger.path.read_bytes() == before


@pytest.mark.parametrize("line", [b"not json\n", b"[1, 2]\n", b"3\n", b'{"a": 1} x\n', b"\n", b"\xff\xfe\n"])
def test_an_edited_line_is_named(tmp_path: Path, line: bytes) -> None:
    ledger = filled(tmp_path)
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    ledger.path.write_bytes(b"".join([lines[0], line, *lines[1:]]))
    with pytest.raises(InputValueError, match=r"ledger.jsonl line 2.*one JSON object a line"):
        ledger.rows()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_clear_error() -> None:
    with pytest.raises(AntigradError, match=r"the disk is full.*free some space"):
        Ledger(Path("/dev/full")).append({"a": 1})


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(AntigradError, match="choose another folder"):
        Ledger(tmp_path / "no" / "ledger.jsonl").append({"a": 1})


def test_a_row_cut_by_a_full_disk_is_repaired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = filled(tmp_path)

    def full(handle: int) -> None:
        os.ftruncate(handle, os.fstat(handle).st_size - 5)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(AntigradError, match="the disk is full"):
            ledger.append({"kind": "lost"})
    assert ledger.rows() == ROWS
    ledger.append({"kind": "kept"})
    assert ledger.rows() == [*ROWS, {"kind": "kept"}]


def test_every_row_is_forced_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: sizes.append(os.fstat(handle).st_size))
    ledger = filled(tmp_path)
    assert len(sizes) == 3
    assert sizes[-1] == ledger.path.stat().st_size


def test_many_rows_are_forced_to_disk_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is that of many appends, cut rows are repaired, and what has no JSON form writes nothing."""
    one, many = filled(tmp_path), Ledger(tmp_path / "many.jsonl")
    many.path.write_bytes(b'{"cut": ')
    forced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: forced.append(os.fstat(handle).st_size))
    many.extend(row for row in ROWS)
    assert many.path.read_bytes() == one.path.read_bytes() and forced == [one.path.stat().st_size]
    many.extend([])
    with pytest.raises(InputTypeError, match="a set in a ledger row"):
        many.extend([{"n": 1}, {"n": {2}}])
    assert many.rows() == ROWS and len(forced) == 1


def test_a_reader_beside_the_writer_sees_whole_rows(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    writer = threading.Thread(target=lambda: [ledger.append({"n": n, "pad": "y" * 3000}) for n in range(150)])
    writer.start()
    seen = 0
    while writer.is_alive():
        numbers = [row["n"] for row in ledger]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= seen
        seen = len(numbers)
    assert len(ledger.rows()) == 150


def test_kill_in_the_midst_of_appends_leaves_whole_rows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    done = subprocess.run([sys.executable, "-c", KILLS, str(path)], capture_output=True, text=True, check=True)
    counts = [int(line) for line in done.stdout.split()]
    assert len(counts) == 5
    assert counts == sorted(counts)
    Ledger(path).append({"n": "after"})
    *rows, last = Ledger(path).rows()
    assert last == {"n": "after"}
    assert len(rows) == counts[-1] >= 150
    assert all(row["check"] == row["n"] * 7919 and len(row["pad"]) == row["n"] % 97 for row in rows)
