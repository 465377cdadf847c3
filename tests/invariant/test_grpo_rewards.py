"""Graded rewards and several of them: what a rule does where verdicts show no contrast, and what is said of it."""

import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from helpers.grpo import judged, make, reward, weights

pytestmark = pytest.mark.filterwarnings("ignore")
STOCK_LIKE = ("none", "llds")
SIGNED = ("positives_only", "negatives_only", "grpo_n", "blanket(eta=0.5)", "nthr(eta=0)", "random(eta=0)", "resrl")


def above(completions: Sequence[str], **_: Any) -> list[float]:
    """Grades that are all above one half: .6 or .9."""
    return [0.6 + 0.3 * judged(text) for text in completions]


def right(completions: Sequence[str], **_: Any) -> list[float]:
    return [1.0] * len(completions)


def form(completions: Sequence[str], **_: Any) -> list[float]:
    return [judged(text) for text in completions]


def low(completions: Sequence[str], **_: Any) -> list[float]:
    """A verifier that gives .5 for right and .1 for wrong."""
    return [0.1 + 0.4 * judged(text) for text in completions]


def three(completions: Sequence[str], **_: Any) -> list[float]:
    return [(len(text) % 3) / 2 for text in completions]


def partly(completions: Sequence[str], **_: Any) -> list[float | None]:
    """Every second response is right, and of each group the last has no verdict."""
    return [None if place % 4 == 3 else float(place % 2 == 0) for place in range(len(completions))]


def ours(folder: Path, rewards: Any, credit: Any = "none", verifier: str | None = None, **more: Any) -> Any:
    from antigrad.posttraining.train.grpo import CreditOptions, GRPOTrainer

    given = CreditOptions(verifier=verifier, measure_every=1)
    return make(GRPOTrainer, folder, rewards=rewards, credit=credit, options=given, **more)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Tensor]:
    """Weights after three steps, of a rule with one graded reward or with two rewards."""

    @cache
    def run(kind: str, credit: str) -> Tensor:
        rewards = above if kind == "graded" else [right, form]
        verifier = None if kind == "graded" else "right"
        trainer = ours(tmp_path_factory.mktemp("run"), rewards, credit, verifier, learning_rate=1e-2)
        trainer.train()
        return weights(trainer)

    return run


@pytest.mark.parametrize("kind", ["graded", "two"])
@pytest.mark.parametrize("rule", SIGNED)
def test_no_rule_becomes_plain_grpo_without_a_word(trained: Callable[[str, str], Tensor], kind: str, rule: str) -> None:
    assert not torch.equal(trained(kind, rule), trained(kind, "none"))


@pytest.mark.parametrize("kind", ["graded", "two"])
def test_grpo_n_and_negatives_only_are_one_there_too(trained: Callable[[str, str], Tensor], kind: str) -> None:
    assert torch.equal(trained(kind, "grpo_n"), trained(kind, "negatives_only"))


def test_positives_only_pushes_nothing_down_and_says_whose_signs_it_used(tmp_path: Path) -> None:
    each = {"logging_strategy": "steps", "logging_steps": 1}
    trainer = ours(tmp_path / "one", above, "positives_only", **each)
    trainer.train()
    rows = [row for row in trainer.state.log_history if "loss" in row]
    assert all(row["credit/grad_norm_down"] == 0 and row["credit/grad_norm_up"] > 0 for row in rows)
    assert all(row["credit/mixed"] == 0 and row["credit/correct"] == 1 for row in rows)
    assert all("credit/selected" not in row and "credit/by_advantage" not in row for row in rows)
    trainer = ours(tmp_path / "two", above, "nthr(eta=0)", **each)
    trainer.train()
    rows = [row for row in trainer.state.log_history if "loss" in row]
    assert all(row["credit/mixed"] == 0 for row in rows)
    assert any(row["credit/by_advantage"] > 0 for row in rows)


def warned(make_it: Callable[[], Any]) -> str:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        make_it()
    return "\n".join(str(one.message) for one in found if issubclass(one.category, UserWarning))


@pytest.mark.parametrize("rule", ["psr", "w_reinforce", "nthr"])
def test_a_verifier_that_never_crosses_the_threshold_is_said_at_the_first_batch(tmp_path: Path, rule: str) -> None:
    said = warned(lambda: ours(tmp_path, low, rule, max_steps=1).train())
    assert "from 0.1 to 0.5 in 2 values: none crosses threshold=0.5, so every response counts as wrong" in said
    assert "CreditOptions(threshold=...)" in said


def test_a_verifier_with_grades_is_said_and_a_binary_one_is_not(tmp_path: Path) -> None:
    said = warned(lambda: ours(tmp_path / "three", three, "psr", max_steps=1).train())
    assert "threshold=0.5 cuts them in two, and the rule sees no grades" in said
    for rewards, rule in ((reward, "psr"), (low, "none")):
        assert "verifier's rewards" not in warned(lambda: ours(tmp_path / rule, rewards, rule, max_steps=1).train())  # noqa: B023


@pytest.mark.parametrize("rule", ["psr", "nsr", "w_reinforce", "asym_re"])
def test_what_rules_by_verdict_leave_out_is_said_at_the_start(tmp_path: Path, rule: str) -> None:
    said = warned(lambda: ours(tmp_path, [right, form], rule, "right", reward_weights=[1.0, 0.5]))
    assert f"credit={rule} weighs responses by the verdicts of right alone: reward_weights" in said
    assert "reward_weights" not in warned(lambda: ours(tmp_path, [right, form], "nthr", "right"))


def test_without_a_verifier_there_are_no_verdicts(tmp_path: Path) -> None:
    """With plain GRPO the first of several rewards was the verifier: pass@1 of another function."""
    from datasets import Dataset

    each = {"logging_strategy": "steps", "logging_steps": 1, "eval_strategy": "steps", "eval_steps": 1}
    data = {"eval_dataset": Dataset.from_dict({"prompt": ["w1 w2", "w3"]}), "per_device_eval_batch_size": 4}
    made: list[Any] = []
    said = warned(lambda: made.append(ours(tmp_path, [right, form], max_steps=2, **each, **data)))
    assert "2 reward functions (right, form) and none named as verifier: pass@k" in said
    made[0].train()
    names = {name for row in made[0].state.log_history for name in row}
    assert "eval_reward" in names
    assert not [name for name in names if "pass@" in name or "credit/correct" in name or "delta_" in name]
    named = ours(tmp_path / "named", [right, form], verifier="form", max_steps=2, **each, **data)
    named.train()
    assert {"eval_credit/pass@1", "credit/correct"} <= {name for row in named.state.log_history for name in row}


def test_what_has_no_verdict_is_left_out_of_pass_at_k_and_of_p(tmp_path: Path) -> None:
    """Two right, one wrong and one without a verdict: pass@1 is 2/3, pass@4 is not known."""
    from datasets import Dataset

    each = {"eval_strategy": "steps", "eval_steps": 1, "logging_strategy": "steps", "logging_steps": 1}
    data = {"eval_dataset": Dataset.from_dict({"prompt": ["w1 w2", "w3"]}), "per_device_eval_batch_size": 4}
    trainer = ours(tmp_path, partly, "asym_re", max_steps=1, **each, **data)
    seen: list[Tensor] = []
    weigh = trainer._weighed
    trainer._weighed = lambda batch, states: seen.append(found := weigh(batch, states)) or found
    trainer.train()
    row = next(row for row in trainer.state.log_history if "eval_credit/pass@1" in row)
    assert row["eval_credit/pass@1"] == pytest.approx(2 / 3)
    assert row["eval_credit/pass@2"] == 1.0
    assert "eval_credit/pass@4" not in row
    found = torch.cat([batch["advantages"][batch["completion_mask"].bool()] for batch in seen])  # type: ignore[index]
    values = sorted({round(float(one), 4) for one in found})
    assert values == pytest.approx([-(2 / 3 - 0.1), 0.0, 1 - (2 / 3 - 0.1)], abs=1e-4)


def test_a_rule_itself_and_none_are_taken(tmp_path: Path) -> None:
    from antigrad.credit import CREDIT

    rule = CREDIT.make("nthr(anchor=others,eta=0)")
    found = {}
    for name, credit in (("rule", rule), ("text", "nthr(anchor=others,eta=0)"), ("None", None), ("none", "none")):
        trainer = ours(tmp_path / name, reward, credit)
        trainer.train()
        found[name] = weights(trainer)
    assert torch.equal(found["rule"], found["text"])
    assert torch.equal(found["None"], found["none"])
    assert not torch.equal(found["rule"], found["none"])


def test_the_absolute_cap_of_cispo_is_said(tmp_path: Path) -> None:
    said = warned(lambda: ours(tmp_path, reward, loss_type="cispo"))
    assert "caps the ratio itself" in said and "epsilon_high=5" in said
    assert "cispo" not in warned(lambda: ours(tmp_path, reward, loss_type="cispo", epsilon_high=5.0))


def test_the_root_hands_it_on_with_trls_signature() -> None:
    from trl import GRPOTrainer as Stock

    import antigrad
    from antigrad import CreditOptions, GRPOTrainer

    assert "GRPOTrainer" in antigrad.__all__
    shown, theirs = (list(inspect.signature(kind).parameters) for kind in (GRPOTrainer, Stock))
    assert shown == [*theirs, "credit", "options"]
    assert inspect.signature(GRPOTrainer).parameters["credit"].default == "none"
    assert CreditOptions().threshold == 0.5
