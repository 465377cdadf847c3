"""The shipped tiny policy is what its card and the documentation say."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from antigrad.core.streams import seeded
from antigrad.language.policy import Policy, load_policy
from antigrad.language.rollouts import sample
from antigrad.language.tasks import load_task
from antigrad.language.tasks.arithmetic import questions
from antigrad.language.tiny import WEIGHTS
from antigrad.language.tiny.accuracy import Accuracy, measure_accuracy
from antigrad.posttraining.diagnose import DiagnoseConfig, diagnose

QUESTIONS = 150


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy("tiny", device="cpu")


@pytest.fixture(scope="module")
def figures(policy: Policy) -> Accuracy:
    return measure_accuracy(policy, questions(QUESTIONS, seed=2024, split="test"), seed=0)


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    return json.loads((WEIGHTS / "card.json").read_text())


def test_it_solves_about_half(figures: Accuracy) -> None:
    assert 0.40 <= figures.accuracy <= 0.60


def test_most_groups_of_eight_are_mixed(figures: Accuracy) -> None:
    assert figures.mixed >= 0.5


def test_responses_have_ten_to_thirty_tokens(figures: Accuracy) -> None:
    assert 10 <= figures.length <= 30


def test_the_card_tells_the_truth(figures: Accuracy, card: dict[str, Any]) -> None:
    stated = card["figures"]
    spread = (stated["accuracy_se"] ** 2 + figures.accuracy_se**2) ** 0.5
    assert abs(stated["accuracy"] - figures.accuracy) < 4 * spread
    assert abs(stated["mixed"] - figures.mixed) < 4 * 0.5 * (1 / stated["questions"] + 1 / QUESTIONS) ** 0.5
    assert abs(stated["length"] - figures.length) < 0.5


def test_it_is_a_llama_of_a_million_parameters_in_a_few_megabytes(policy: Policy, card: dict[str, Any]) -> None:
    assert policy.model.config.model_type == "llama"
    count = sum(weight.numel() for weight in policy.model.parameters())
    assert 0.9e6 < count < 1.1e6 and count == card["figures"]["parameters"]
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 5e6


def test_the_task_of_the_same_name_fits_it(policy: Policy) -> None:
    task = load_task("tiny_arithmetic", count=4)
    with seeded(0):
        groups = [
            sample(policy, task, question, count=8, max_new_tokens=32, temperature=1.0) for question in task.questions
        ]
    assert not any(bool(group.truncated.any()) for group in groups)
    assert all(text.count("=") == 2 for group in groups for text in group.texts[:1])
    assert {bool(verdict) for group in groups for verdict in group.correct} == {True, False}


@pytest.mark.skipif(not (WEIGHTS / "model.safetensors").exists(), reason="the tiny policy's weights are not there yet")
def test_the_shipped_tiny_policy_has_mixed_groups_and_finite_figures(tmp_path: Path) -> None:
    config = DiagnoseConfig(
        model="tiny", tasks="tiny_arithmetic", questions=4, arms=["none", "positives_only"], step_sizes=[1e-5],
        max_new_tokens=32, device="cpu", output=tmp_path / "run",
    )  # fmt: skip
    run = diagnose(config)
    assert run.summary["mixed"] >= 2
    raised = [row for row in run.ledger.rows("update") if row["arm"] == "positives_only" and row["step_size"] == 1e-5]
    for row in raised:
        assert row["delta_correct"] > 0
    assert math.isfinite(run.summary["delta_correct/none@1e-05"])
