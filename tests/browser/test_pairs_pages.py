"""Pages of trainings in rounds, and of where the mass went, in a real browser: charts drawn, rows as in the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="the extra `report` is not installed")
pytest.importorskip("trl", reason="the extra `train` is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A training by DPO in two rounds, and an evaluation of what came of it."""
    from antigrad.posttraining.evaluate import EvaluateConfig, evaluate
    from antigrad.posttraining.train.dpo import TrainDPOConfig, train_dpo
    from antigrad.report import write_report

    place = tmp_path_factory.mktemp("pages")
    common: dict[str, Any] = {"max_new_tokens": 40, "device": "cpu", "tasks": "tiny_arithmetic(split=train)"}
    run = train_dpo(
        TrainDPOConfig(
            **common, model="tiny", questions=8, samples=6, held_out=2, steps=4, refresh=2, measure_every=1,
            pairs_a_step=4, learning_rate=3e-4, beta=0.5, output=place / "dpo",
        )
    )  # fmt: skip
    policy = str(place / "dpo" / "checkpoints" / "policy")
    checked = EvaluateConfig(
        **common, model=[policy], base="tiny", questions=6, samples=8, pair_probes=3, resamples=200, output=place / "e"
    )
    return {"dpo": write_report(run), "evaluate": write_report(evaluate(checked))}


def section(page: Any, title: str) -> Any:
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True))


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("dpo", ["Rewards", "Log-probabilities", "Where the mass went", "Accuracy"]),
        ("evaluate", ["Which responses gained and lost"]),
    ],
)
def test_charts_are_drawn(pages: dict[str, Path], open_file: Any, name: str, titles: list[str]) -> None:
    opened = open_file(pages[name])
    for title in titles:
        plot = section(opened.page, title).locator(".plot")
        assert plot.count() == 1 and plot.bounding_box()["height"] > 100
        assert plot.evaluate("plot => plot.data.some(trace => trace.y.some(value => value !== 0))")
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_rounds_are_a_table(pages: dict[str, Path], open_file: Any) -> None:
    page = open_file(pages["dpo"]).page
    rows = section(page, "Rounds").locator("tbody tr")
    assert rows.count() == 2
    assert [row.locator("td").nth(1).inner_text() for row in rows.all()] == ["0", "2"]


def test_where_the_mass_went_has_a_row_a_checkpoint(pages: dict[str, Path], open_file: Any) -> None:
    page = open_file(pages["evaluate"]).page
    assert section(page, "Where the mass went").locator("tbody tr").count() == 1
    assert section(page, "The next step, taken apart").locator("tbody tr").count() == 2
