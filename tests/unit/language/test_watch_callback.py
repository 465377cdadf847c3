"""The callback in real trainers: it changes nothing, and what it says is what the optimizer did."""

import importlib.metadata
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainingArguments

from antigrad.core import InputTypeError
from antigrad.core.runs import RunFolder
from antigrad.language.watch_callback import WatchCallback
from helpers.models import make_model, make_tokenizer

TRL = "1.16.0"

pytestmark = pytest.mark.filterwarnings("ignore")  # other people's deprecations


def rows_of_numbers(count: int = 24) -> list[dict[str, Tensor]]:
    draw = torch.Generator().manual_seed(3)
    ids = torch.randint(3, 40, (count, 6), generator=draw)
    return [{"input_ids": row, "labels": row.clone(), "attention_mask": torch.ones_like(row)} for row in ids]


def trainer_of(folder: Path, *callbacks: TrainerCallback, **options: Any) -> Trainer:
    settings: dict[str, Any] = {"max_steps": 4, "learning_rate": 1e-2, "per_device_train_batch_size": 4}
    settings |= {"logging_steps": 1, "save_strategy": "no", "report_to": "none", "use_cpu": True, "disable_tqdm": True}
    arguments = TrainingArguments(output_dir=str(folder), **(settings | options))
    return Trainer(make_model(), arguments, train_dataset=rows_of_numbers(), callbacks=list(callbacks))


def weights(model: Any) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def hooks(trainer: Any) -> int:
    optimizer = trainer.optimizer.optimizer
    return len(optimizer._optimizer_step_pre_hooks) + len(optimizer._optimizer_step_post_hooks)


def logged(trainer: Trainer, name: str) -> list[float]:
    return [log[f"certificate/{name}"] for log in trainer.state.log_history if f"certificate/{name}" in log]


@pytest.mark.parametrize(
    "options", [{}, {"gradient_accumulation_steps": 2}, {"optim": "adafactor"}, {"optim": "sgd", "weight_decay": 0.1}]
)
def test_the_training_is_the_same_bit_for_bit(tmp_path: Path, options: dict[str, Any]) -> None:
    plain, watched = (
        trainer_of(tmp_path / "a", **options),
        trainer_of(tmp_path / "b", WatchCallback(every=1), **options),
    )
    start = weights(plain.model)
    plain.train()
    watched.train()
    assert torch.equal(weights(plain.model), weights(watched.model))
    assert not torch.equal(weights(plain.model), start)
    assert hooks(watched) == 0


def test_rows_logs_and_page(tmp_path: Path) -> None:
    callback = WatchCallback(every=2, granularity="head")
    trainer = trainer_of(tmp_path, callback, max_steps=5)
    trainer.train()
    run = RunFolder.open(tmp_path / "certificate")
    rows = run.ledger.rows("certificate")
    assert [row["step"] for row in rows] == [0, 2, 4]
    assert [row["independent"] for row in rows] == ["lagged", "lagged", None]  # no batch came after the last
    assert "lm_head.weight" in rows[0]["block_cos"]
    assert rows[0]["kappa_head"] >= rows[0]["kappa_layer"]
    # A row is complete with the next batch, and is logged once.
    assert [
        (log["step"], log["certificate/step"]) for log in trainer.state.log_history if "certificate/step" in log
    ] == [
        (2, 0),
        (4, 2),
    ]
    assert logged(trainer, "cos") == [row["cos"] for row in rows[:2]]
    assert logged(trainer, "in_batch_cos") == [row["in_batch"]["cos"] for row in rows[:2]]
    assert all(math.isfinite(value) for log in trainer.state.log_history for value in log.values())
    page = json.loads(run.artifact("page.json").read_text())
    assert "3 logged steps" in json.dumps(page["verdict"])


def test_plain_descent_is_parallel_to_its_own_gradient_and_ascent_is_against_it(tmp_path: Path) -> None:
    class Ascent(Trainer):
        def compute_loss(self, *args: Any, **options: Any) -> Any:
            return -super().compute_loss(*args, **options)

    options = {"optim": "sgd", "max_grad_norm": 0.0, "lr_scheduler_type": "constant", "learning_rate": 1e-3}
    for kind, sign in ((Trainer, 1), (Ascent, -1)):
        held_out = rows_of_numbers(8)
        batch = {name: torch.stack([row[name] for row in held_out]) for name in held_out[0]}
        callback = WatchCallback(every=1, held_out=lambda: trainer.model(**batch).loss)  # noqa: B023
        plain = trainer_of(tmp_path / kind.__name__, callback, max_steps=2, **options)
        trainer = kind(plain.model, plain.args, train_dataset=plain.train_dataset, callbacks=[callback])
        trainer.train()
        assert logged(trainer, "in_batch_cos") == pytest.approx([1, 1], abs=1e-4)
        # The held-out loss is the plain one: ascent goes up it, and the drop that was measured says so too.
        assert sign * logged(trainer, "cos")[0] > 0.05
        assert logged(trainer, "drop_measured")[0] == pytest.approx(logged(trainer, "drop_predicted")[0], rel=0.05)


def test_a_step_of_an_accumulation_is_certified_on_the_whole_of_it(tmp_path: Path) -> None:
    options = {"optim": "sgd", "max_grad_norm": 0.0, "max_steps": 2}
    callbacks = [WatchCallback(every=1), WatchCallback(every=1)]
    trainer_of(tmp_path / "a", callbacks[0], per_device_train_batch_size=8, **options).train()
    trainer_of(tmp_path / "b", callbacks[1], gradient_accumulation_steps=2, **options).train()
    whole, pieces = [callback.watch.rows[0] for callback in callbacks if callback.watch]
    for key in ("cos", "drop_predicted"):
        assert pieces[key] == pytest.approx(whole[key], rel=1e-4)
    assert pieces["in_batch"]["drop_predicted"] == pytest.approx(whole["in_batch"]["drop_predicted"], rel=1e-4)


def test_a_resumed_training_goes_on_with_its_steps_and_its_folder(tmp_path: Path) -> None:
    options = {"save_strategy": "steps", "save_steps": 2}
    whole = WatchCallback(every=1)
    trainer_of(tmp_path / "whole", whole, **options).train()
    first, second = WatchCallback(every=1), WatchCallback(every=1)

    class Stop(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            control.should_training_stop = state.global_step == 2

    trainer_of(tmp_path / "cut", first, Stop(), **options).train()
    trainer = trainer_of(tmp_path / "cut", second, **options)
    trainer.train(resume_from_checkpoint=str(tmp_path / "cut/checkpoint-2"))
    assert first.watch and second.watch and whole.watch
    assert [row["step"] for row in second.watch.rows] == [1, 2, 3]  # step 1 waited for a batch when it was stopped
    rows = RunFolder.open(tmp_path / "cut/certificate").ledger.rows("certificate")
    assert [row["step"] for row in rows] == [0, 1, 1, 2, 3]
    assert [row["cos"] for row in rows[:2]] == [whole.watch.rows[0]["cos"], None]
    assert second.watch.rows == whole.watch.rows[1:]
    trainer_of(tmp_path / "cut", WatchCallback(every=1), max_steps=1).train()  # anew: another folder
    assert len(RunFolder.open(tmp_path / "cut/certificate-2").ledger.rows("certificate")) == 1


def test_a_failed_training_leaves_no_hooks(tmp_path: Path) -> None:
    class Fails(Trainer):
        def compute_loss(self, *args: Any, **options: Any) -> Any:
            if self.state.global_step == 2:
                raise RuntimeError("out of memory")
            return super().compute_loss(*args, **options)

    callback = WatchCallback(every=1)
    plain = trainer_of(tmp_path, callback)
    trainer = Fails(plain.model, plain.args, train_dataset=plain.train_dataset, callbacks=[callback])
    with pytest.raises(RuntimeError, match="memory"), callback:
        trainer.train()
    assert hooks(trainer) == 0
    assert len(RunFolder.open(tmp_path / "certificate").ledger.rows("certificate")) == 2


def test_reporters_see_the_figures_of_a_callback_that_goes_first(tmp_path: Path) -> None:
    class Reporter(TrainerCallback):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            self.seen += [logs["certificate/cos"]] if "certificate/cos" in logs else []

    given, attached = Reporter(), Reporter()
    trainer_of(tmp_path / "a", given, WatchCallback(every=1), max_steps=2).train()
    trainer = trainer_of(tmp_path / "b", attached, max_steps=2)
    WatchCallback(every=1).attach(trainer)
    trainer.train()
    assert given.seen == []
    assert len(attached.seen) == 1


def test_parts_of_a_preference_loss_inside_a_trainer(tmp_path: Path) -> None:
    from antigrad.core import Parts

    class Contrast(Trainer):
        def compute_loss(self, model: nn.Module, inputs: Any, *args: Any, **options: Any) -> Any:
            ids = inputs["input_ids"]
            log_probs = model(input_ids=ids).logits[:, :-1].log_softmax(-1)
            scores = log_probs.gather(-1, ids[:, 1:, None]).mean((1, 2))
            parts = Parts(up=-scores[::2].mean(), down=scores[1::2].mean(), anchor=scores.new_zeros(()))
            assert callback.watch is not None
            callback.watch.take(parts)
            return parts.total()

    callback = WatchCallback(every=1)
    plain = trainer_of(tmp_path, callback, max_steps=3)
    trainer = Contrast(plain.model, plain.args, train_dataset=plain.train_dataset, callbacks=[callback])
    trainer.train()
    assert callback.watch is not None
    for row in callback.watch.rows:
        assert row["effect"]["up"] > 0  # likelier
        assert row["effect"]["down"] > 0  # less likely
        assert sum(row["effect"].values()) > 0
    assert logged(trainer, "effect_up") == [row["effect"]["up"] for row in callback.watch.rows[:2]]


def test_options_that_cannot_be() -> None:
    with pytest.raises(InputTypeError, match="did you mean 'granularity'"):
        WatchCallback(granularty="row")
    with pytest.raises(InputTypeError, match="start"):
        WatchCallback(start=3)


def test_a_trainer_of_trl(tmp_path: Path) -> None:
    if (installed := _trl()) != TRL:
        pytest.skip(f"written against TRL {TRL}, found {installed}")
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    data = Dataset.from_list([{"prompt": f"{one} + {one} = ?", "completion": f"A:{2 * one}"} for one in range(8)])

    def train(name: str, *callbacks: TrainerCallback) -> Any:
        settings: dict[str, Any] = {"max_steps": 3, "per_device_train_batch_size": 4, "learning_rate": 1e-2}
        settings |= {"logging_steps": 1, "save_strategy": "no", "report_to": "none", "use_cpu": True, "bf16": False}
        trainer = SFTTrainer(
            make_model(),
            SFTConfig(output_dir=str(tmp_path / name), disable_tqdm=True, **settings),
            train_dataset=data,
            processing_class=make_tokenizer(),
            callbacks=list(callbacks),
        )
        trainer.train()
        return trainer

    callback = WatchCallback(every=1)
    plain, watched = train("plain"), train("watched", callback)
    assert torch.equal(weights(plain.model), weights(watched.model))
    assert callback.watch is not None
    assert logged(watched, "cos") == [row["cos"] for row in callback.watch.rows[:2]]
    assert (tmp_path / "watched/certificate/artifacts/page.json").is_file()


def _trl() -> str:
    try:
        return importlib.metadata.version("trl")
    except importlib.metadata.PackageNotFoundError:
        return "none"
