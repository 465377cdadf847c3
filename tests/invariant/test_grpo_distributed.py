"""Two processes train as one does: the same responses, the same weights of tokens, the same parameters."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.multiprocessing.spawn import spawn

from helpers.distributed import PROCESSES, free_port
from helpers.grpo import make, save, tokenizer, weights

pytestmark = pytest.mark.filterwarnings("ignore")
RULES = ("none", "nthr(anchor=others,eta=0)", "w_reinforce")
LONGEST = 8


def fixed(prompts: list[str], trainer: Any) -> dict[str, Any]:
    """Responses that depend on the prompt and its place in the group only, whatever the process."""
    size, ids, completions = trainer.num_generations, [], []
    for place, prompt in enumerate(prompts):
        ids.append(tokenizer()(prompt).input_ids)
        draw = torch.Generator().manual_seed(1000 * sum(ids[-1]) + place % size)
        length = int(torch.randint(2, LONGEST, (), generator=draw))
        completions.append([*torch.randint(0, 28, (length,), generator=draw).tolist(), 29])
    return {"prompt_ids": ids, "completion_ids": completions, "logprobs": None}


def train(folder: Path, rule: str, rows: int, accumulation: int) -> Any:
    from antigrad.posttraining.train.grpo import CreditOptions, GRPOTrainer

    trainer = make(
        GRPOTrainer,
        folder,
        rollout_func=fixed,
        credit=rule,
        options=CreditOptions(measure_every=1),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=accumulation,
        logging_strategy="steps",
        logging_steps=1,
        weight_decay=0.0,
        adam_epsilon=1e-3,  # else a sum in another order decides the sign of a step where the gradient is 0
    )
    trainer.train()
    return trainer


def process(rank: int, port: int, folder: Path) -> None:
    """One of two processes."""
    torch.set_num_threads(1)
    os.environ.update(
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(PROCESSES),
        ACCELERATE_USE_CPU="true",
    )  # fmt: skip
    for number, rule in enumerate(RULES):
        trainer = train(folder / f"{number}-{rank}", rule, 4, 1)
        torch.save(
            {"weights": weights(trainer), "rows": [row for row in trainer.state.log_history if "loss" in row]},
            folder / f"{number}-{rank}.pt",
        )
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what two processes have left."""
    folder = tmp_path_factory.mktemp("two")
    for number in range(len(RULES)):
        for rank in range(PROCESSES):
            save(folder / f"{number}-{rank}")
    spawn(process, (free_port(), folder), nprocs=PROCESSES)
    return folder


@pytest.mark.parametrize("number", range(len(RULES)), ids=RULES)
def test_two_processes_are_one(two: Path, tmp_path: Path, number: int) -> None:
    one = train(tmp_path, RULES[number], 8, 1)
    found = [torch.load(two / f"{number}-{rank}.pt", weights_only=True) for rank in range(PROCESSES)]
    assert torch.equal(found[0]["weights"], found[1]["weights"])
    torch.testing.assert_close(found[0]["weights"], weights(one), atol=1e-5, rtol=0)
    rows = [row for row in one.state.log_history if "loss" in row]
    for mine, theirs in zip(found[0]["rows"], rows, strict=True):
        for key in ("reward", "credit/mixed", "credit/selected", "credit/tau", "credit/delta_correct_step"):
            assert (key in mine) == (key in theirs)
            assert mine.get(key, 0) == pytest.approx(theirs.get(key, 0), rel=1e-3, abs=1e-5), key
        for key in ("credit/grad_norm_up", "credit/grad_norm_down"):
            assert mine[key] == pytest.approx(theirs[key], rel=1e-3), key
    assert rows[0]["credit/delta_correct_step"] != 0


def sharded(rank: int, port: int, folder: Path) -> None:
    """One of two processes that share a model by FSDP2."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from transformers import AutoModelForCausalLM

    from antigrad.posttraining.train.grpo.states import head_weight, states_of

    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.distributed.init_process_group("gloo", rank=rank, world_size=PROCESSES)
    try:
        model = AutoModelForCausalLM.from_pretrained(folder).eval()
        fully_shard(model, mesh=init_device_mesh("cpu", (PROCESSES,)))
        assert model.get_output_embeddings().weight.to_local().shape[0] < 31
        with torch.no_grad(), states_of(model, 5) as found:
            model(input_ids=torch.arange(9)[None])
        with head_weight(model) as weight:
            torch.save({"states": found[0], "head": weight.clone()}, folder / f"sharded-{rank}.pt")
    finally:
        torch.distributed.destroy_process_group()


def test_head_and_states_of_a_sharded_model_are_the_whole_ones(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    save(tmp_path)
    spawn(sharded, (free_port(), tmp_path), nprocs=PROCESSES)
    model = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        states = model.base_model(input_ids=torch.arange(9)[None]).last_hidden_state[:, 3:8]
    for rank in range(PROCESSES):
        found = torch.load(tmp_path / f"sharded-{rank}.pt", weights_only=True)
        torch.testing.assert_close(found["states"], states, atol=1e-6, rtol=0)
        assert torch.equal(found["head"], model.get_output_embeddings().weight)
