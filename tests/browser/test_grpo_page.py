"""The page of a training by GRPO in a real browser: quiet, drawn in both schemes, with what each step did."""

from pathlib import Path
from typing import Any

import pytest

from antigrad.posttraining.train.grpo import TrainGRPOConfig, train_grpo
from antigrad.report import write_report

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = TrainGRPOConfig(
        model="tiny",
        tasks="tiny_arithmetic(split=train)",
        credit="nthr(anchor=others)",
        questions=8,
        held_out=4,
        steps=3,
        prompts=2,
        learning_rate=1e-4,
        measure_every=1,
        evaluate_every=3,
        max_new_tokens=24,
        device="cpu",
        output=tmp_path_factory.mktemp("grpo") / "run",
    )
    return write_report(train_grpo(config))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_charts_and_steps_are_there(page_file: Path, open_file: Any, scheme: str) -> None:
    page = open_file(page_file, scheme=scheme).page
    titles = page.locator("h2").all_inner_texts()
    assert [title for title in titles if title in WANTED] == WANTED
    page.locator(".plot .scatterlayer path.js-line").first.wait_for(state="attached")
    assert page.locator(".plot").count() == 4
    lines = page.locator(".plot").nth(3).locator(".scatterlayer path.js-line")
    assert lines.count() == 2  # what correct and what wrong responses gained
    assert page.locator("table tbody tr").count() >= 3


WANTED = ["In short", "Rewards", "Entropy", "Held-out pass@k", "What a step did to its own responses", "Steps"]
