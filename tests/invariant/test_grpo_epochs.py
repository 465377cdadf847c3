"""A run that is resumed past its first epoch takes the steps of the run that nothing stopped, bit for bit."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.multiprocessing.spawn import spawn

from helpers.distributed import PROCESSES, free_port
from helpers.grpo import make, save, weights

pytestmark = pytest.mark.filterwarnings("ignore")
STEPS = 10
"""Four steps an epoch: eight prompts, two a step."""
STOPS = (2, 4, 5, 8, 9)
"""Within an epoch, at the end of one, and after it."""
TIMES = ("runtime", "per_second", "step_time")
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "two_updates": {"steps_per_generation": 4},
    "two_iterations": {"num_iterations": 2},
    "resampled": {"resample": 2},
    "lora": {"lora": True},
    "adapter_trained_on": {"wrap": "adapter", "beta": 0.05},
    "kl": {"beta": 0.05},
    "moving_reference": {"beta": 0.05, "sync_ref_model": True, "ref_model_sync_steps": 2},
    "logged_every_three": {"logging_steps": 3},
    "dropped_prompts": {"prompts": 7},
    "evaluated": {"evaluated": True},
    "streamed": {"streamed": True},
}


def adapted(model: Any) -> Any:
    """An adapter that is not nothing, with a head of its own, as one loaded to be trained on."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    options = {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"], "init_lora_weights": False}
    return get_peft_model(model, LoraConfig(r=2, **options))


def trainer(folder: Path, **options: Any) -> Any:
    from datasets import Dataset
    from peft import LoraConfig

    from antigrad.posttraining.train.grpo import CreditOptions, GRPOTrainer

    resample, prompts = options.pop("resample", 0), options.pop("prompts", 8)
    lora, evaluated, streamed = (options.pop(key, False) for key in ("lora", "evaluated", "streamed"))
    common = {"save_strategy": "steps", "save_steps": 1, "logging_strategy": "steps", "logging_steps": 1}
    common |= {"eval_strategy": "steps", "eval_steps": 3, "per_device_eval_batch_size": 4} if evaluated else {}
    data = Dataset.from_dict({"prompt": [f"w{i} w{i + 1} w{i + 2}" for i in range(prompts)]})
    if options.get("wrap") == "adapter":
        options["wrap"] = adapted
    return make(
        GRPOTrainer,
        folder,
        credit="nthr(anchor=others)",
        options=CreditOptions(resample=resample, measure_every=2),
        max_steps=STEPS,
        peft_config=LoraConfig(r=2, target_modules=["q_proj"], lora_dropout=0.1) if lora else None,
        data=data.to_iterable_dataset() if streamed else data,
        eval_dataset=data.select(range(2)) if evaluated else None,
        **(common | options),
    )


def rows(trained: Any) -> list[dict[str, Any]]:
    known = [row for row in trained.state.log_history if "train_runtime" not in row]
    return [{key: value for key, value in row.items() if not key.endswith(TIMES)} for row in known]


def resumed(folder: Path, whole: Path, stop: int, **options: Any) -> Any:
    """A new trainer that resumes from one checkpoint of a whole run."""
    save(folder)
    shutil.copytree(whole / f"checkpoint-{stop}", folder / f"checkpoint-{stop}")
    again = trainer(folder, **options)
    again.train(resume_from_checkpoint=str(folder / f"checkpoint-{stop}"))
    return again


@pytest.mark.parametrize("kind", KINDS)
def test_resumed_in_any_epoch_it_takes_the_same_steps(tmp_path: Path, kind: str) -> None:
    options = KINDS[kind]
    whole = trainer(tmp_path / "whole", **options)
    whole.train()
    assert whole.state.global_step == STEPS
    assert whole.state.epoch > 1.2
    for stop in STOPS:
        again = resumed(tmp_path / str(stop), tmp_path / "whole", stop, **options)
        assert torch.equal(weights(again), weights(whole)), stop
        assert rows(again) == rows(whole), stop


def process(rank: int, port: int, folder: Path) -> None:
    """One of two processes: a whole run, then two that go on from its checkpoints."""
    torch.set_num_threads(1)
    os.environ.update(
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(PROCESSES),
        ACCELERATE_USE_CPU="true",
    )  # fmt: skip
    options = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1, "resample": 1}
    whole = trainer(folder, **options)
    whole.train()
    found = [weights(whole)]
    for stop in (4, 7):
        again = trainer(folder, save_steps=99, **options)
        again.train(resume_from_checkpoint=str(folder / f"checkpoint-{stop}"))
        found.append(weights(again))
    torch.save(found, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_resume_alike(tmp_path: Path) -> None:
    save(tmp_path)
    spawn(process, (free_port(), tmp_path), nprocs=PROCESSES)
    for rank in range(PROCESSES):
        whole, *others = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert all(torch.equal(whole, other) for other in others)


def test_a_checkpoint_of_trls_own_trainer_says_what_it_lacks(tmp_path: Path) -> None:
    from trl import GRPOTrainer

    from antigrad.core.errors import InputValueError
    from antigrad.posttraining.train.grpo import GRPOTrainer as Ours

    saving = {"save_strategy": "steps", "save_steps": 1}
    make(GRPOTrainer, tmp_path, **saving).train()
    with pytest.raises(InputValueError, match=r"TRL's own trainer saved it.*--model .*checkpoint-2"):
        make(Ours, tmp_path, **saving).train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
