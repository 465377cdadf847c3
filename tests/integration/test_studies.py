"""Studies as they are run, and their pages: what the docs say is what the kept figures give."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from helpers.data import shared

for package in ("captum", "plotly", "playwright", "transformers"):
    pytest.importorskip(package, reason=f"{package} is not installed")
ROOT = Path(__file__).parents[2]
STUDIES = sorted(path.parent.name for path in (ROOT / "studies").glob("*/study.py"))


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # other people's
@pytest.mark.parametrize("name", STUDIES)
def test_the_pages_are_what_the_kept_figures_give(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = import_module(f"studies.{name}.page")
    assert callable(import_module(f"studies.{name}.study").run)
    monkeypatch.setattr(page, "photograph", lambda *_: None, raising=False)
    for folder in ("FOLDER", "TINY"):
        monkeypatch.setattr(page, folder, ROOT / "no such run", raising=False)
    written: dict[Path, str] = {}
    monkeypatch.setattr(Path, "write_text", lambda path, text: written.update({path: text}))
    page.main()
    monkeypatch.undo()
    assert written
    for path, text in written.items():
        assert text == path.read_text(), f"python -m studies {name} --page"


@pytest.mark.parametrize(
    "name",
    ["preflight", pytest.param("grpo", marks=pytest.mark.slow), pytest.param("attribution", marks=pytest.mark.slow)],
)
def test_a_quick_study_runs_and_keeps_nothing(name: str, tmp_path: Path) -> None:
    if name == "attribution":
        shared("imagenet_sample_p90_half.parquet")
    results = sorted((ROOT / "studies" / name / "results").iterdir())
    kept = [path.read_bytes() for path in results]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "studies", name, "--quick", "--threads", "1"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert list((tmp_path / "runs").iterdir()) == [tmp_path / "runs" / f"{name}-study-quick"]
    if name == "preflight":
        assert json.loads(done.stdout.splitlines()[-1])["questions"] == 2
        assert (tmp_path / "runs" / "preflight-study-quick" / "report.html").exists()
    assert sorted((ROOT / "studies" / name / "results").iterdir()) == results
    assert [path.read_bytes() for path in results] == kept
