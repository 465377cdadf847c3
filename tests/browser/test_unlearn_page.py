"""The pages of unlearning in a real browser: verdict first, figures beside retraining, the receipt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")

from antigrad.report import write_report
from antigrad.unlearning.compare import CompareConfig, compare
from antigrad.unlearning.unlearn import UnlearnConfig, unlearn_job

pytestmark = pytest.mark.browser
RECIPE = "retrain(epochs=3,learning_rate=0.003)"
FAST = [
    "accuracy(on=forget)",
    "accuracy(on=test)",
    "average_gap",
    "logistic_loss_forget_vs_unseen",
    "salun_forget_as_unseen",
]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIGRAD_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("rule", ["classes(names=[3])", "share(fraction=0.1)"])
def test_verdict_figures_and_receipt(tmp_path: Path, open_file: Callable[..., Any], rule: str) -> None:
    run = unlearn_job(UnlearnConfig(forget=[rule], recipe=RECIPE, metrics=FAST, output=tmp_path / "run"))
    page = open_file(write_report(run)).page
    titles = page.locator("h2").all_inner_texts()
    assert titles[0] == "In short"
    assert {"Deletion receipt", "Attacks", "Who pays, and for what", "Confusion after"} <= set(titles)
    assert page.locator(".js-plotly-plot").count() >= 6
    assert "accuracy, forgotten samples" in page.inner_text("body")
    assert "sha256 of the ids, sorted" in page.inner_text("body")
    curves = page.locator(".js-plotly-plot").filter(has_text="others taken for forgotten samples")
    assert curves.locator(".updatemenu-container").count() == 1
    menu, legend = (curves.locator(name).bounding_box() for name in (".updatemenu-container", ".legend"))
    assert menu is not None and legend is not None and legend["y"] > menu["y"] + menu["height"]
    assert "retrained: AUC" in curves.inner_text()


def test_without_a_reference_nobody_can_tell(tmp_path: Path, open_file: Callable[..., Any]) -> None:
    given = UnlearnConfig(method="ssd(alpha=3)", reference=False, metrics=FAST, output=tmp_path / "run")
    page = open_file(write_report(unlearn_job(given))).page
    assert "Unknown: there is no retrained model to compare with" in page.inner_text("body")


def test_comparison(tmp_path: Path, open_file: Callable[..., Any]) -> None:
    given = CompareConfig(
        methods=["duck", "neg_grad(epochs=1)"], seeds=1, metrics=[*FAST, "cost(what=seconds)"], recipe=RECIPE,
        search=[0.3, 1.0], output=tmp_path / "run",
    )  # fmt: skip
    page = open_file(write_report(compare(given))).page
    titles = page.locator("h2").all_inner_texts()
    assert titles[0] == "In short" and "Search of the step size" in titles
    assert "retrain again" in page.inner_text("body")
