"""The code blocks of the pages on certificates run as they stand, in order, and say what the text says."""

import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.certify_runs import tiny_after, tiny_data

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.filterwarnings("ignore")  # other people's deprecations


def blocks(page: str) -> list[str]:
    found = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    assert found
    return found


def run(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Run the blocks one after the other in one namespace; give it as it was after each of them."""
    monkeypatch.chdir(folder)
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}.items():
        monkeypatch.setenv(name, value)
    logging.getLogger("antigrad.watch").setLevel(logging.ERROR)
    names: dict[str, Any] = {"__name__": "docs"}
    after: list[dict[str, Any]] = []
    for place, block in enumerate(blocks(page)):
        exec(compile(block, f"{page}, block {place}", "exec"), names)
        after.append(dict(names))
    return after


def test_watch_any_optimizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    after = run("docs/howto/watch-any-optimizer.md", tmp_path, monkeypatch)
    watches = [names["watch"] for names in after if "watch" in names]
    assert all(watch.rows or watch is watches[-1] for watch in watches)
    plain, held_out, fine, safe = watches[:4]
    assert [row["independent"] for row in plain.rows] == ["lagged", "lagged"]
    assert {row["independent"] for row in held_out.rows} == {"held_out"}
    assert all(isinstance(row["drop_measured"], float) for row in held_out.rows)
    assert fine.rows[0]["in_batch"]["kappa_row"] >= fine.rows[0]["in_batch"]["kappa_layer"]
    assert set(safe.rows[0]["effect"]) == {"up", "down", "anchor"}
    assert safe.rows[0]["down_weight"] == 1.0
    assert safe.rows[-1]["down_weight"] < 0.6  # the down part was made threefold
    assert safe.rows[-1]["down_weight"] == pytest.approx(safe.weight, rel=0.5)
    assert (tmp_path / "runs/watched/report.html").is_file()
    assert (tmp_path / "runs/sharded/ledger.jsonl").is_file()
    contrast = after[-1]["callback"].watch
    assert contrast.rows[0]["effect"].keys() == {"up", "down"}
    rotated = watches[-2]
    assert [len(row["in_batch"]["block_cos"]) for row in rotated.rows] == [1] * 4
    assert watches[-1].state_dict()["step"] == 20


def test_explanation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [names["holds"] for names in run("docs/explanation/certificates.md", tmp_path, monkeypatch)] == [True, True]


def test_certify_two_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_after(tmp_path / "after", tiny_data(tmp_path), {"up": 1.0, "down": -0.3})
    after = run("docs/howto/certify-two-checkpoints.md", tmp_path, monkeypatch)
    rows = {row["part"]: row for row in after[-1]["run"].ledger.rows("move")}
    assert rows.keys() == {"up", "down", "sum"}
    assert rows["up"]["drop_measured"] > 0
    assert (tmp_path / "runs/certified/report.html").is_file()


def test_readme_s_lines_on_watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = [block for block in blocks("README.md") if "Watch(" in block]
    model = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train() -> None:
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(8, 4)).square().mean().backward()
            optimizer.step()

    names: dict[str, Any] = {"model": model, "optimizer": optimizer, "train": train}
    exec(block, names)
    assert len(names["watch"].rows) == 1


def test_the_example_runs(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples/watch_adamw.py"), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert all((tmp_path / "run" / name / "report.html").is_file() for name in ("one", "safe"))
    lost = [int(count) for count in re.findall(r"lost ground in (\d+) of 40", done.stdout)]
    assert lost[0] > 10 > 1 > lost[1]  # a weight of 1 gives up what is wanted, the safe weight does not
