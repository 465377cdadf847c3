"""A disk that fills up while a library writes: one clear error, and all else stays what it is."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from antigrad.cli import main as cli
from antigrad.core import AntigradError, InputValueError, Ledger, RunFolder
from antigrad.core.files import full_disk


class SafetensorError(Exception):
    """As safetensors' own: no OSError."""


def of_context() -> None:
    try:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        raise RuntimeError("[enforce fail] . unexpected pos 64 vs 0")  # noqa: B904


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "x"), "the disk is full"),
        (OSError(errno.EDQUOT, "x"), "the disk quota is used up"),
        (OSError(errno.EROFS, "x"), "the file system is read-only"),
        (SafetensorError("I/O error: No space left on device (os error 28)"), "the disk is full"),
        (RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"), "the disk is full"),
    ],
)
@pytest.mark.parametrize(
    "words",
    [["unlearn"], ["train", "dpo"], ["train", "grpo"], ["explain-text", "--prompt", "a", "--answer", "b"]],
    ids=" ".join,
)
def test_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, words: list[str], error: Exception, reason: str
) -> None:
    def job(_: object) -> None:
        raise error

    load, runs = cli.load, {one.run for one in cli.JOBS}
    monkeypatch.setattr(cli, "load", lambda name: job if name in runs else load(name))
    assert cli.main([*words, "--output", str(tmp_path / "run")]) == 1
    assert f"run: {reason}" in (said := capsys.readouterr().err) and "--resume" in said


def test_what_stands_behind_an_error_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AntigradError, match="the disk is full"), full_disk(tmp_path):
        of_context()


@pytest.mark.parametrize("error", [OSError(errno.EIO, "x"), RuntimeError("x"), InputValueError("a", "b", "c")])
def test_other_errors_stay(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as found, full_disk(tmp_path):
        raise error
    assert found.value is error


def test_a_row_says_what_it_lacks_and_where(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"kind": "step", "loss": 1}\n{"kind": "step"}\n')
    first, second = Ledger(path).rows("step")
    assert first["loss"] == 1 and second.get("loss") is None and json.loads(json.dumps(second)) == {"kind": "step"}
    with pytest.raises(InputValueError, match=r"ledger\.jsonl line 2 has no 'loss'"):
        second["loss"]
    with pytest.raises(InputValueError, match="no row 'setup'"):
        Ledger(path).one("setup")


def test_a_ledger_that_is_a_folder(tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path / "run", job="x", config={})
    run.ledger.path.mkdir()
    with pytest.raises(InputValueError, match="a file"):
        run.ledger.rows()
    with pytest.raises(AntigradError, match=r"ledger\.jsonl"):
        run.ledger.append({"a": 1})
