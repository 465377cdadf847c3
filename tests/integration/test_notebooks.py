"""The notebooks run, and what they print is what is written in them."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
EXAMPLES = Path(__file__).parents[2] / "examples"


def printed(cell: dict[str, Any]) -> str:
    return "".join(text for out in cell["outputs"] if out["output_type"] == "stream" for text in out["text"])


@pytest.mark.parametrize("name", ["preflight", "watch_any_optimizer"])
def test_a_notebook_runs_and_prints_what_it_says(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = json.loads((EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] or "=" in "".join(cell["source"]) for cell in cells), "it was not executed"
    assert not any(out["output_type"] == "error" for cell in cells for out in cell["outputs"])
    assert len(json.dumps(notebook)) < 100_000
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    compared = 0
    for cell in cells:
        source, out = "".join(cell["source"]), io.StringIO()
        with redirect_stdout(out):
            exec(compile(source, name, "exec"), space)
        if "print(" in source:
            assert out.getvalue() == printed(cell)
            compared += 1
    assert compared
