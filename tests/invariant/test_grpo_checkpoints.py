"""Checkpoints of `GRPOTrainer`: what they hold, when an older one goes, and what is drawn after them."""

import importlib.metadata
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.grpo import SELECTING, WHOLE, logged, make, options, ours, rare, weights

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # other people's deprecations
    pytest.mark.skipif(not importlib.metadata.version("trl").startswith("1.16."), reason="written against TRL 1.16"),
]


MIDWAY: dict[str, dict[str, Any]] = {
    "plain": {},
    "two_iterations": {"num_iterations": 2},
    "two_updates": {"steps_per_generation": 4},
    "resampled": {"options": {"resample": 2}, "rewards": rare},
}


@pytest.mark.parametrize("name", MIDWAY)
def test_a_resumed_training_is_the_uninterrupted_one(tmp_path: Path, name: str) -> None:
    """From the middle of a generation batch too, with what was logged on the way."""
    settings = dict(MIDWAY[name])
    given = options(measure_every=2, **settings.pop("options", {}))
    settings |= {
        "credit": SELECTING,
        "options": given,
        "save_strategy": "steps",
        "save_steps": 3,
        "max_steps": 6,
        "learning_rate": 1e-2,
    }
    settings |= {"logging_strategy": "steps", "logging_steps": 2}
    whole = make(ours(), tmp_path / "one", **settings)
    whole.train()
    again = make(ours(), tmp_path / "two", **settings)
    again.train(resume_from_checkpoint=str(tmp_path / "one" / "checkpoint-3"))
    assert torch.equal(weights(whole), weights(again))
    for mine, theirs in zip(logged(whole)[2:], logged(again)[-1:], strict=True):
        for key in ("loss", "reward", "entropy", "credit/mixed", "credit/delta_correct_since_sampling"):
            assert mine.get(key) == theirs.get(key)


def test_an_older_checkpoint_goes_only_when_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between TRL's part of a checkpoint and ours, where one is kept."""
    from antigrad.core.errors import InputValueError
    from antigrad.posttraining.train.grpo import resumed
    from antigrad.posttraining.train.grpo.checkpoint import last_checkpoint

    saved = resumed.save_state

    def killed_at_two(folder: Path, *given: Any) -> None:
        if folder.name == "checkpoint-2":
            raise KeyboardInterrupt
        saved(folder, *given)

    monkeypatch.setattr(resumed, "save_state", killed_at_two)
    trainer = make(ours(), tmp_path, save_strategy="steps", save_steps=1, save_total_limit=1)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-1"
    with pytest.raises(InputValueError, match="saved by 1 processes"):
        last_checkpoint(tmp_path, 2)
    monkeypatch.setattr(resumed, "save_state", saved)
    again = make(ours(), tmp_path, save_strategy="steps", save_steps=1, save_total_limit=1)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-1"))
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-3"]


def test_entries_of_a_batch_that_are_no_tensors_are_kept_too(tmp_path: Path) -> None:
    from antigrad.posttraining.train.grpo.checkpoint import load_state, save_state

    batches = [{"ids": torch.arange(3), "num_images": [1, 2]}, {"ids": torch.arange(2), "num_images": [3]}]
    save_state(tmp_path, 0, {"processes": 1}, batches, torch.Generator().get_state())
    _, found, _ = load_state(tmp_path, 0, torch.device("cpu"))
    assert [batch["num_images"] for batch in found] == [[1, 2], [3]]
    assert [batch["ids"].tolist() for batch in found] == [[0, 1, 2], [0, 1]]


def test_what_a_rule_draws_differs_from_step_to_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one seed for all steps the random control would hit the same places of a group again and again."""
    from antigrad.posttraining.train.grpo import trainer

    weigh, seeds = trainer.weigh, []
    monkeypatch.setattr(trainer, "weigh", lambda *given: seeds.append(given[-1]) or weigh(*given))
    make(ours(), tmp_path, credit="random(anchor=others)", **WHOLE).train()
    assert len(seeds) == len(set(seeds)) == 3
