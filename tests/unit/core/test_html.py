"""What notebooks show: runs, parts, certificates, windows, watches; and tables of rows."""

from pathlib import Path

import pytest
import torch
from torch import nn

from antigrad.core import AntigradError, Parts, RunFolder
from antigrad.geometry import Certificate, Watch, safe_window


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = RunFolder.start(tmp_path / "a<b", job="demo", config={"seed": 1})
    run.ledger.append({"kind": "update", "arm": "none", "delta": -0.5})
    run.ledger.append({"kind": "update", "arm": "nthr", "delta": float("nan"), "tokens": ["a", "b"]})
    run.ledger.append({"kind": "setup", "trained": 3})
    return run


def test_rows_of_a_kind_are_a_table(run: RunFolder) -> None:
    table = run.to_pandas("update")
    assert table["arm"].tolist() == ["none", "nthr"]
    assert table["delta"].isna().tolist() == [False, True]
    assert table["tokens"].tolist()[1] == ["a", "b"]
    assert len(run.to_pandas()) == 3
    with pytest.raises(AntigradError, match="did you mean 'update'"):
        run.to_pandas("updates")


def test_rows_go_into_parquet(run: RunFolder, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert [path.name for path in run.to_parquet()] == ["update.parquet", "setup.parquet"]
    (path,) = run.to_parquet("update", tmp_path / "x.parquet")
    assert path == tmp_path / "x.parquet"
    table = parquet.read_table(path).to_pydict()
    assert table["arm"] == ["none", "nthr"] and table["tokens"] == [None, '["a", "b"]']
    with pytest.raises(AntigradError, match="did you mean 'setup'"):
        run.to_parquet("setpu")


def test_a_run_shows_its_figures_and_leads_to_its_page(run: RunFolder) -> None:
    assert "not finished" in run._repr_html_() and "a&lt;b" in run._repr_html_() and "a<b" not in run._repr_html_()
    run.write_summary({"share": 0.25})
    (run.path / "report.html").write_text("page")
    assert '<th style="text-align:left">share</th><td>0.25</td>' in run._repr_html_()
    assert 'href="file://' in run._repr_html_()


def test_parts_certificates_windows_and_watches_show_theirs() -> None:
    parts = Parts(up=torch.tensor(2.0), down=torch.tensor(-1.5, requires_grad=True), anchor=torch.tensor(0.0))
    assert all(text in parts._repr_html_() for text in ("<td>2</td>", "<td>-1.5</td>", "sum", "<td>0.5</td>"))
    assert "down the loss" in (shown := Certificate(25.0, 25.0, 24.0)._repr_html_()) and "16.3°" in shown
    assert "not down the loss" in Certificate(25.0, 25.0, -24.0)._repr_html_()
    assert "<td>∞</td>" in safe_window(1.0, 0.5, 1.0)._repr_html_()
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Watch(optimizer, model=model, every=1, independent="none") as watch:
        assert "no step certified yet" in watch._repr_html_()
        for _ in range(2):
            optimizer.zero_grad()
            model(torch.ones(3, 2)).square().mean().backward()
            optimizer.step()
    assert f"{len(watch.rows)} certified steps" in watch._repr_html_() and "cos" in watch._repr_html_()
