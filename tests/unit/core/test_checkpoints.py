"""Checkpoints: whole ones are found, damaged ones are passed over and named, half-written ones never count."""

import json
from pathlib import Path
from pickle import UnpicklingError

import pytest

from antigrad.core.checkpoints import MANIFEST, Checkpoints, damage_of, flaw, reading, remove, seal
from antigrad.core.errors import AntigradError
from antigrad.core.files import write_atomic
from helpers.damage import OF_FILES, OF_FOLDERS, OF_JSON

CASES = [
    *((name, "weights", damage) for name, damage in OF_FILES.items()),
    *((name, "state.json", OF_FILES[name]) for name in ("truncated", "emptied", "bit flipped", "missing")),
    *((name, MANIFEST, damage) for name, damage in (OF_FILES | OF_JSON).items() if name != "longer"),
    *((name, "", damage) for name, damage in OF_FOLDERS.items()),
]


@pytest.fixture
def three(tmp_path: Path) -> Checkpoints:
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=3)
    for number in (2, 9, 10):
        checkpoints.write(
            number, {"weights": bytes(range(256)) * number, "state.json": json.dumps({"n": number}).encode()}
        )
    return checkpoints


def test_the_newest_is_taken_and_only_as_many_stay(three: Checkpoints) -> None:
    heard: list[str] = []
    last = three.last(say=heard.append)
    assert last is not None and (last.name, heard) == ("checkpoint-10", [])
    assert json.loads((last / "state.json").read_text()) == {"n": 10}
    Checkpoints(three.folder).write(11, {"weights": b"new"})
    assert [path.name for path in three.found()] == ["checkpoint-10", "checkpoint-11"]
    three.remove()
    assert three.last(say=heard.append) is None and not three.folder.exists()


@pytest.mark.parametrize(
    ("name", "file", "damage"), CASES, ids=[f"{file or 'folder'}-{name}" for name, file, _ in CASES]
)
def test_a_damaged_one_is_passed_over(three: Checkpoints, name: str, file: str, damage: object) -> None:
    damage(three.folder / "checkpoint-10" / file if file else three.folder / "checkpoint-10")  # type: ignore[operator]
    heard: list[str] = []
    last = three.last(say=heard.append)
    assert last == three.folder / "checkpoint-9"
    assert len(heard) == 1 and heard[0].endswith("resuming from checkpoint-9") and len(heard[0]) < 6000
    assert str(three.folder / "checkpoint-10") in heard[0]
    # It can be written again, whatever is there, and nothing outside of it is touched.
    outside = {path: path.read_bytes() for path in three.folder.parent.rglob("outside-*") if path.is_file()}
    three.write(10, {"weights": b"again"})
    assert three.last() == three.folder / "checkpoint-10"
    assert all(path.read_bytes() == content for path, content in outside.items())


def test_without_a_whole_one_it_begins_anew(three: Checkpoints, capsys: pytest.CaptureFixture[str]) -> None:
    for path in three.found():
        (path / "weights").write_bytes(b"")
    assert three.last() is None
    heard = capsys.readouterr().err.splitlines()
    assert len(heard) == 3 and all("weights has 0 bytes" in line and "from the beginning" in line for line in heard)


def test_one_that_was_never_finished_does_not_count(three: Checkpoints) -> None:
    half = three.folder / "checkpoint-11"
    half.mkdir()
    write_atomic(half / "weights", b"half")
    heard: list[str] = []
    assert three.last(say=heard.append) == three.folder / "checkpoint-10"
    assert "never finished" in heard[0]
    seal(half)
    assert three.last(say=heard.append) == half and len(heard) == 1
    (half / "notes.txt").write_text("what someone put beside it")
    assert damage_of(half) is None


def test_killed_while_it_is_removed_it_does_not_count(three: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        remove(three.folder / "checkpoint-10")
    assert three.last(say=lambda text: None) == three.folder / "checkpoint-9"


@pytest.mark.parametrize(
    "error", [UnpicklingError("no"), EOFError(), KeyError("x"), RuntimeError("sizes"), OverflowError("large")]
)
def test_one_that_is_whole_and_can_t_be_read_is_named(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(AntigradError, match=r"checkpoint-3.*remove it"), reading(tmp_path / "checkpoint-3"):
        raise error


def test_a_file_in_subfolders_is_sealed_too(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint-1"
    write_atomic(folder / "adapter" / "weights", b"w")
    seal(folder)
    assert damage_of(folder) is None
    (folder / "adapter" / "weights").write_bytes(b"v")
    assert damage_of(folder) == "adapter/weights is not what was written: its SHA-256 differs"
    assert flaw(folder / "adapter", "") == "is no file"


def test_a_place_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AntigradError, match="a part of the path is a file"):
        Checkpoints(tmp_path / "file").write(1, {"weights": b""})
