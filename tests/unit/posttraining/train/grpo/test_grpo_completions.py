"""The responses of measured steps, metrics of your own, and zero-variance groups told apart."""

from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.grpo import EACH, judged, make, options, ours, weights

pytestmark = pytest.mark.filterwarnings("ignore")


def trained(folder: Path, **given: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Three steps, and the rows that the trainer hands on."""
    from antigrad.posttraining.train.grpo.callback import AfterStep

    rows: list[dict[str, Any]] = []
    trainer = make(ours(), folder, options=options(measure_every=1, **given), credit="nthr(anchor=others)", **EACH)
    (callback,) = (one for one in trainer.callback_handler.callbacks if isinstance(one, AfterStep))
    callback.append = rows.append
    trainer.train()
    return trainer, rows


def length(completions: list[str], **_: Any) -> list[float | None]:
    return [float(len(text)) if judged(text) else None for text in completions]


def test_responses_come_with_rewards_weights_tokens_and_what_the_step_did(tmp_path: Path) -> None:
    trainer, rows = trained(tmp_path, metrics=(length,))
    logs = [row for row in trainer.state.log_history if "loss" in row]
    assert {row["step"] for row in rows} == {1, 2, 3}
    for log in logs:
        here = [one for row in rows if row["step"] == log["step"] for one in row["responses"]]
        assert len(here) == 8
        for one in here:
            assert one["reward"] == judged(one["text"]) == float(one["correct"])
            assert len(one["tokens"]) == len(one["weights"])
            assert [token for token in one["tokens"] if token[0] != "["] == one["text"].split()
            assert all(weight >= 0 if one["correct"] else weight <= 0 for weight in one["weights"])
        assert log["reward"] == pytest.approx(sum(one["reward"] for one in here) / 8)
        scored = [len(one["text"]) for one in here if one["correct"]]
        assert log["metric/length"] == pytest.approx(sum(scored) / len(scored))
        groups = [row["responses"] for row in rows if row["step"] == log["step"]]
        mixed = [group for group in groups if len({one["correct"] for one in group}) == 2]
        assert log["credit/mixed"] == len(mixed) / len(groups)
        assert log["credit/all_correct"] == sum(all(one["correct"] for one in group) for group in groups) / len(groups)
        assert log["credit/all_wrong"] == sum(not any(one["correct"] for one in group) for group in groups) / len(
            groups
        )
        changes = [one["change"] for group in mixed for one in group if one["correct"]]
        if changes:
            assert log["credit/delta_correct_step"] == pytest.approx(sum(changes) / len(changes), abs=1e-9)
        balances = [[w for one in group for w in one["weights"]] for group in groups]
        balances = [sum(group) / sum(map(abs, group)) for group in balances if any(group)]
        assert log.get("credit/balance", 0.0) == pytest.approx(sum(balances) / max(1, len(balances)), abs=1e-3)


def test_keeping_them_changes_no_weight(tmp_path: Path) -> None:
    kept, rows = trained(tmp_path / "a", metrics=(length,))
    bare, none = trained(tmp_path / "b", log_completions=False)
    assert rows and not none
    assert torch.equal(weights(kept), weights(bare))


def test_a_metric_with_another_number_of_figures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"metric <lambda> with 1 figures for 8 responses"):
        trained(tmp_path, metrics=(lambda **_: [1.0],))


def test_the_browser_shows_the_worst_groups_first() -> None:
    from antigrad.posttraining.train.grpo.rollouts_page import WORST, rollouts_section

    def row(change: float) -> dict[str, Any]:
        one = {"text": "a", "reward": 1.0, "correct": True, "change": change, "tokens": ["a", "b"]}
        two = one | {"correct": False, "change": -9.0, "weights": [-1.0, -0.5], "reward": 0.0}
        return {"step": 1, "group": 0, "prompt": f"{change}", "responses": [one | {"weights": [1.0, 1.0]}, two]}

    (section,) = rollouts_section(row(change / 10) for change in range(30, -10, -1))
    groups = section.groups  # type: ignore[union-attr]
    assert len(groups) == WORST
    assert [group.prompt for group in groups[:3]] == ["-0.9", "-0.8", "-0.7"]
    assert [[token.marked for token in response.tokens] for response in groups[0].responses] == [
        [False, False], [False, True],
    ]  # fmt: skip
    assert "20" in section.text and rollouts_section([]) == []
