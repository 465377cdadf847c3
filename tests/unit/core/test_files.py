"""Files are written whole or not at all, and refusals of the system become one clear error."""

import errno
import os
from pathlib import Path

import pytest

from antigrad.core import AntigradError, InputValueError
from antigrad.core.files import check_folder, disk_errors, inside, is_file, is_folder, is_there, write_atomic


def fail_with(code: int):
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def test_text_and_bytes_are_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    assert write_atomic(path, "grüße") == path
    assert path.read_bytes() == "grüße".encode()
    write_atomic(path, b"\x00\x01")
    assert path.read_bytes() == b"\x00\x01"
    assert [item.name for item in path.parent.iterdir()] == ["b.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = write_atomic(tmp_path / "summary.json", "old")
    target = (os, "fsync") if step == "fsync" else (Path, "replace")
    monkeypatch.setattr(*target, fail_with(errno.ENOSPC))
    with pytest.raises(AntigradError, match=r"summary.json: the disk is full.*--resume"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["summary.json"]


def test_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "x", "new")
    assert list(tmp_path.iterdir()) == []


def test_the_data_is_on_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "x", []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append((path.exists(), os.fstat(handle).st_size)))
    write_atomic(path, "four")
    assert seen == [(False, 4)]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_reasons(code: int, reason: str) -> None:
    with pytest.raises(AntigradError, match=reason) as caught, disk_errors(Path("here")):
        fail_with(code)()
    assert isinstance(caught.value.__cause__, OSError)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AntigradError, match="choose another folder"):
        write_atomic(tmp_path / "file" / "x", "text")


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), disk_errors(Path("here")):
        raise ZeroDivisionError


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", ".", "a/..", ".."])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputValueError, match="artifact name"):
        inside(tmp_path, name)


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path)
    with pytest.raises(InputValueError, match="a path below"):
        inside(tmp_path / "run", "link/x")
    assert inside(tmp_path / "run", "maps/1.png") == (tmp_path / "run" / "maps" / "1.png").resolve()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("x" * 300, "too long"),
        ("x/" * 3000, "too long"),
        ("a\0b", "NUL"),
        ("a\udcffb", "not UTF-8"),
        ("file", "is a file"),
        ("file/below", "is a file"),
    ],
)
def test_a_folder_that_can_not_be_is_refused_before_the_work(tmp_path: Path, name: str, fault: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AntigradError, match=fault):
        check_folder(tmp_path / name)
    check_folder(tmp_path / "new" / "below")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["x" * 300, "x" * 9000, "a\0b", "a\udcffb", "", "no/such"])
def test_no_text_breaks_the_question_whether_something_is_there(name: str) -> None:
    assert not is_there(name) and not is_folder(name) and not is_file(name)
