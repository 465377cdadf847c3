"""`antigrad report` of a damaged run: one clear error, and never a traceback."""

import json
import shutil
from pathlib import Path

import pytest

from antigrad.cli.main import main
from antigrad.core import RunFolder
from antigrad.core.page import Card, Cards, Page

DEEP = 100_000
CHART = {"kind": "chart", "title": "x", "figure": {"data": 0}}
PAGE = {"title": "a", "verdict": "b", "sections": []}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = RunFolder.start(tmp_path / "run", job="diagnose", config={"seed": 1})
    Page("Title", "The lead.", [Cards("In short", [Card("a", "1")])]).write(folder)
    folder.write_summary({"figure": 1.5})
    return folder.path


def nested(section: object) -> str:
    return json.dumps({**PAGE, "sections": [section]})


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["page", "summary"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.yaml", "[" * DEEP),
        ("run.yaml", "config: &a {b: *a}"),
        ("run.yaml", "config: 2020-99-99"),
        ("run.yaml", "[1]"),
        ("run.yaml", b"\x80"),
        ("run.yaml", None),
        ("summary.json", "[" * DEEP),
        ("summary.json", "[1]"),
        ("summary.json", '{"a": {"b": 1}}'),
        ("summary.json", f'{{"a": {"9" * 6000}}}'),
        ("summary.json", b"\x80"),
        ("summary.json", None),
        ("artifacts/page.json", "[" * DEEP),
        ("artifacts/page.json", nested(CHART).replace("0", '{"a":' * 900 + "1" + "}" * 900)),
        ("artifacts/page.json", nested({"kind": ["chart"]})),
        ("artifacts/page.json", "9" * 6000),
        ("artifacts/page.json", b"\x80"),
        ("artifacts/page.json", None),
    ],
)
def test_a_damaged_file(
    run: Path, capsys: pytest.CaptureFixture[str], name: str, content: str | bytes | None, flags: list[str]
) -> None:
    path = run / name
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["report", str(run), *flags]) == 1
    error = capsys.readouterr().err
    assert error.startswith("antigrad report: given: ") and path.name in error


def test_a_run_without_summary(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "summary.json").unlink()
    assert main(["report", str(run), "--json"]) == 1
    assert "`antigrad diagnose` again with the same settings" in capsys.readouterr().err
    shutil.rmtree(run / "artifacts")
    assert main(["report", str(run)]) == 1


def test_the_summary_is_printed_as_it_was_written(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"figure": 1.5}


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "no/such", ""])
def test_no_such_run(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["report", name]) == 1
    assert "a run folder (with run.yaml)" in capsys.readouterr().err
