"""Hostile settings end every command with one clear error, before anything is loaded or written."""

import re
from pathlib import Path

import pytest

import antigrad
from antigrad.cli.jobs import JOBS, Job
from antigrad.cli.main import main
from helpers.commands_listed import ids

SOURCES = Path(antigrad.__file__).parent
FILES = {
    "deep": "[" * 100_000,
    "its own alias": "output: &a\n  b: *a\n",
    "bomb": "output:\n- &a0 [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"- &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
    "date": "seed: 2020-99-99\n",
    "digits": f"seed: {'9' * 6000}\n",
    "latin": b"seed: \xe9\n",
}
OUTPUTS = {
    "long": "x" * 300,
    "deep": "x/" * 3000,
    "nul": "a\0b",
    "not UTF-8": "a\udcff",
    "a file": "here/x",
    "a flag": "-1",
}


def refused(capsys: pytest.CaptureFixture[str], job: Job, *argv: str) -> str:
    assert main([*job.words, *argv]) == 1
    words, _, error = capsys.readouterr().err.partition(": ")
    assert words == f"antigrad {' '.join(job.words)}"
    return error


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("job", JOBS, ids=ids)
def test_a_file_of_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str], job: Job, name: str) -> None:
    content = FILES[name]
    path = tmp_path / "a.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert "--config" in refused(capsys, job, "--config", str(path))


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("job", JOBS, ids=ids)
def test_a_place_for_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], job: Job, name: str) -> None:
    (tmp_path / "here").touch()
    refused(capsys, job, f"--output={tmp_path / OUTPUTS[name]}")
    assert [item.name for item in tmp_path.iterdir()] == ["here"]


@pytest.mark.parametrize("job", JOBS, ids=ids)
def test_a_number_of_more_than_64_bits(capsys: pytest.CaptureFixture[str], job: Job) -> None:
    assert "seed=9223372036854775808" in refused(capsys, job, "--seed", str(2**63))


def test_an_alias_bomb_in_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    job = next(one for one in JOBS if one.words == ("diagnose",))
    bomb = str(FILES["bomb"]).removeprefix("output:\n")
    assert "--seed: aliases repeat too much" in refused(capsys, job, "--seed", bomb)


@pytest.mark.parametrize(
    "words", [("diagnose",), ("evaluate",), ("certify",), ("diagnose", "pairs"), ("train", "tiny-policy")]
)
def test_threads_without_number(capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...]) -> None:
    job = next(one for one in JOBS if one.words == words)
    assert "threads=5000: at most 1024" in refused(capsys, job, "--threads", "5000", f"--output={tmp_path / 'run'}")


ASKS = re.compile(r"Path\([\w.\[\]]+\)\.(exists|is_file|is_dir)\(\)")


def test_no_source_asks_a_name_whether_it_is_there() -> None:
    """`Path.exists` raises for long names; `core.files.is_there` does not."""
    assert [path.name for path in SOURCES.rglob("*.py") if ASKS.search(path.read_text())] == []
