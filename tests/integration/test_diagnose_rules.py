"""The preflight with rules that need states, change the denominator, or add a penalty."""

import math
from pathlib import Path

import pytest
import torch

from antigrad.cli.main import main
from antigrad.core import RunFolder
from antigrad.credit import Group
from antigrad.credit.resrl import ResRl
from antigrad.language.policy import load_policy
from antigrad.posttraining.diagnose import DiagnoseConfig, diagnose
from helpers.models import save_model, save_questions

ARMS = ["none", "negatives_only", "resrl(rank=2)", "grpo_n", "grpo_n(denominator=kept)", "llds", "nsr", "asym_re"]


def test_every_rule_makes_its_own_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under plain SGD a factor on all weights is one on the step; equal weights make equal updates."""
    save_model(tmp_path / "model")
    save_questions(tmp_path / "q.jsonl", 8)
    seen: list[Group] = []
    weigh = ResRl.weigh

    def spy(self: ResRl, group: Group) -> torch.Tensor:
        seen.append(group)
        return weigh(self, group)

    monkeypatch.setattr(ResRl, "weigh", spy)
    common = {"tasks": str(tmp_path / "q.jsonl"), "max_new_tokens": 6, "device": "cpu", "output": tmp_path / "run"}
    config = DiagnoseConfig(
        model=str(tmp_path / "model"), questions=8, arms=ARMS, step_sizes=[1e-2], optimizer="sgd", **common
    )
    run = diagnose(config)
    rows = {(row["question"], row["arm"]): row for row in run.ledger.rows("update")}
    asked = [row for row in run.ledger.rows("question") if row["status"] == "mixed"]
    assert len(asked) >= 4 == len(rows) // len(asked) // 2
    assert len(seen) == len(asked)
    policy = load_policy(str(tmp_path / "model"), device="cpu")
    for question, group in zip(asked, seen, strict=True):
        arm = {name: rows[question["question"], name] for name in ARMS}
        assert arm["llds"]["deltas_correct"] == arm["none"]["deltas_correct"]
        assert arm["grpo_n"]["deltas_correct"] == arm["negatives_only"]["deltas_correct"]
        tokens = sum(len(response["tokens"]) for response in question["responses"])
        factor = tokens / arm["grpo_n"]["wrong_tokens"]
        kept = arm["grpo_n(denominator=kept)"]
        assert kept["parts"]["down"] == pytest.approx(factor * arm["grpo_n"]["parts"]["down"], rel=1e-5)
        assert kept["parts"]["up"] == 0
        assert kept["delta_wrong"] == pytest.approx(factor * arm["grpo_n"]["delta_wrong"], rel=0.2)
        assert kept["delta_wrong"] < arm["grpo_n"]["delta_wrong"] < 0
        own = arm["resrl(rank=2)"]
        assert 0 < own["weakened"] <= own["wrong_tokens"]
        assert 0 > own["parts"]["up"] * 5 > arm["none"]["parts"]["up"]
        # The states are those that predict the tokens.
        prompt = torch.tensor(policy.tokenizer(question["prompt"])["input_ids"])
        with torch.no_grad():
            states = policy.hidden(prompt, group.tokens)
        torch.testing.assert_close(group.require_hidden()[group.mask], states[group.mask], atol=1e-5, rtol=1e-4)
    assert all(math.isfinite(row["delta_correct"]) for row in rows.values())


def test_the_tiny_policy_from_the_command_line(tmp_path: Path) -> None:
    words = "diagnose --model tiny --tasks tiny_arithmetic --questions 4 --step-sizes 1e-4 --device cpu --output"
    arms = ["--arms", "none,resrl,grpo_n(denominator=kept)"]
    assert main([*words.split(), str(tmp_path / "run"), *arms]) == 0
    rows = RunFolder.open(tmp_path / "run").ledger.rows("update")
    assert {row["arm"] for row in rows} == {"none", "resrl", "grpo_n(denominator=kept)"}
    assert all(row["error"] is None for row in rows)
    assert any(row["weakened"] for row in rows if row["arm"] == "resrl")
