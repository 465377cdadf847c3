"""`AnswersTrainer`: TRL's own with weights of 1, and the loss by hand with others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.core import InputValueError
from helpers.dpo import gradient
from helpers.grpo import save, tokenizer, weights

pytestmark = pytest.mark.filterwarnings("ignore")
WEIGHTS = (0.0, 0.5, 1.0, 2.5)


def rows(given: Sequence[float]) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"w{i} w{i + 1}",
            "completion": " " + " ".join(f"w{(3 * i + j) % 28}" for j in range(i + 1)),
            "answer_weight": weight,
        }
        for i, weight in enumerate(given)
    ]


def make(kind: type, folder: Path, data: Sequence[dict[str, Any]], **options: Any) -> Any:
    from datasets import Dataset
    from transformers import Qwen2ForCausalLM
    from trl import SFTConfig

    if not (folder / "config.json").exists():
        save(folder)
    settings: dict[str, Any] = {
        "per_device_train_batch_size": 4, "max_steps": 3, "learning_rate": 1e-3, "seed": 1, "max_length": None,
        "gradient_checkpointing": False, "use_cpu": True, "bf16": False, "report_to": [], "save_strategy": "no",
        "logging_steps": 1, "disable_tqdm": True,
    }  # fmt: skip
    return kind(
        model=Qwen2ForCausalLM.from_pretrained(folder),
        args=SFTConfig(output_dir=str(folder), **(settings | options)),
        train_dataset=Dataset.from_list(list(data)),
        processing_class=tokenizer(),
    )


def ours() -> type:
    from antigrad.posttraining.train.answers.trainer import AnswersTrainer

    return AnswersTrainer


def by_hand(trainer: Any, data: Sequence[dict[str, Any]]) -> Tensor:
    """−Σ w log π(y) / Σ |y|, one answer at a time, from logits of a plain forward."""
    total, count = torch.zeros(()), 0
    for row in data:
        prompt = tokenizer()(row["prompt"]).input_ids
        ids = torch.tensor(tokenizer()(row["prompt"] + row["completion"] + "[EOS]").input_ids)
        label = trainer.model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1).gather(-1, ids[1:, None])[:, 0]
        total = total + row["answer_weight"] * label[len(prompt) - 1 :].sum()
        count += len(ids) - len(prompt)
    return -total / count


def batch(trainer: Any) -> dict[str, Any]:
    data = trainer.train_dataset
    trainer._set_signature_columns_if_needed()
    data = data.remove_columns([name for name in data.column_names if name not in trainer._signature_columns])
    return trainer.data_collator([data[place] for place in range(len(data))])


def test_loss_and_gradient_are_those_by_hand(tmp_path: Path) -> None:
    data = rows(WEIGHTS)
    trainer = make(ours(), tmp_path, data)
    loss = trainer.compute_loss(trainer.model, batch(trainer))
    loss.backward()
    found = gradient(trainer)
    trainer.model.zero_grad()
    expected = by_hand(trainer, data)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(found, gradient(trainer), rtol=1e-4, atol=1e-6)
    # An answer of weight 0 gives no gradient, and one of weight above 0 becomes likelier.
    assert loss.item() != pytest.approx(by_hand(trainer, rows((1.0,) * 4)).item(), rel=1e-2)


def test_a_weight_raises_its_own_answer(tmp_path: Path) -> None:
    changes: list[list[float]] = []
    for place in range(4):
        data = rows([float(n == place) for n in range(4)])
        trainer = make(ours(), tmp_path / str(place), data, max_steps=1, learning_rate=1e-3)
        alone = [rows([float(n == other) for n in range(4)]) for other in range(4)]
        before = [by_hand(trainer, one).item() for one in alone]
        trainer.train()
        changes.append([by_hand(trainer, one).item() - was for one, was in zip(alone, before, strict=True)])
    for place, row in enumerate(changes):
        assert row[place] < 0 and row[place] == min(row), changes


def test_with_weights_of_1_it_is_trl_s(tmp_path: Path) -> None:
    from trl import SFTTrainer

    data = rows((1.0,) * 8)
    found = [make(kind, tmp_path, data, gradient_accumulation_steps=2) for kind in (ours(), SFTTrainer)]
    start = weights(found[0])
    for trainer in found:
        trainer.train()
    assert not torch.equal(weights(found[0]), start)
    assert torch.equal(weights(found[0]), weights(found[1]))


def test_weights_that_do_not_get_there_are_an_error(tmp_path: Path) -> None:
    bare = [{key: row[key] for key in ("prompt", "completion")} for row in rows(WEIGHTS)]
    with pytest.raises(InputValueError, match="answer_weight"):
        make(ours(), tmp_path, bare)
    trainer = make(ours(), tmp_path, rows(WEIGHTS))
    with pytest.raises(InputValueError, match="without the column answer_weight"):
        trainer.compute_loss(trainer.model, {key: v for key, v in batch(trainer).items() if key != "answer_weight"})
