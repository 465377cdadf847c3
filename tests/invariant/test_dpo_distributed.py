"""Two processes train on pairs as one does, each row with its own factor."""

import gc
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.multiprocessing.spawn import spawn

from helpers.distributed import PROCESSES, free_port
from helpers.dpo import make
from helpers.grpo import save, weights

pytestmark = pytest.mark.filterwarnings("ignore")
RULES = ("none", "vpo", "schedule")


def train(folder: Path, rule: str, rows: int) -> Any:
    from antigrad.posttraining.train.dpo import DPOTrainer

    options: dict[str, Any] = {"per_device_train_batch_size": rows, "adam_epsilon": 1e-3, "weight_decay": 0.0}
    trainer = make(DPOTrainer, folder, credit=rule, **options)
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
        _leave(train(folder / f"{number}-{rank}", rule, 2), folder / f"{number}-{rank}.pt")
    gc.collect()  # a model wrapped for several processes waits for the others when it goes: all are there yet
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def _leave(trainer: Any, path: Path) -> None:
    rows = [row for row in trainer.state.log_history if "loss" in row]
    torch.save({"weights": weights(trainer), "rows": rows}, path)


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
    one = train(tmp_path, RULES[number], 4)
    found = [torch.load(two / f"{number}-{rank}.pt", weights_only=True) for rank in range(PROCESSES)]
    assert torch.equal(found[0]["weights"], found[1]["weights"])
    torch.testing.assert_close(found[0]["weights"], weights(one), atol=1e-5, rtol=0)
    rows = [row for row in one.state.log_history if "loss" in row]
    for mine, theirs in zip(found[0]["rows"], rows, strict=True):
        for key in ("loss", "logps/chosen", "logps/rejected", "rewards/margins", "credit/factor", "credit/constrained"):
            assert (key in mine) == (key in theirs)
            assert mine.get(key, 0) == pytest.approx(theirs.get(key, 0), rel=1e-3, abs=1e-5), key
