"""Two processes ask, pair and train in rounds as one does: each asks its share, and all continue with everything."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.multiprocessing.spawn import spawn

from antigrad.core import RunFolder
from helpers.distributed import PROCESSES, free_port

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
JOBS = ("dpo", "rwr")


def train(job: str, output: Path, rows_at_once: int) -> RunFolder:
    from antigrad.posttraining.train.dpo import TrainDPOConfig, train_dpo
    from antigrad.posttraining.train.rwr import TrainRwrConfig, train_rwr

    common: dict[str, Any] = {
        "model": "tiny", "tasks": "tiny_arithmetic(split=train)", "questions": 7, "samples": 6, "max_new_tokens": 40,
        "steps": 4, "refresh": 2, "rows_at_once": rows_at_once, "learning_rate": 1e-5, "held_out": 3, "device": "cpu",
        "output": output, "trl": {"adam_epsilon": 1e-3},
    }  # fmt: skip
    if job == "dpo":
        return train_dpo(TrainDPOConfig(**common, pairs_a_step=4, evaluate_every=0, credit="vpo", answer_marker="="))
    return train_rwr(TrainRwrConfig(**common, answers_a_step=4, beta=0.5))


def process(rank: int, port: int, folder: Path) -> None:
    """One of two processes."""
    torch.set_num_threads(1)
    os.environ.update(
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(PROCESSES),
        ACCELERATE_USE_CPU="true",
    )  # fmt: skip
    for job in JOBS:
        train(job, folder / job, 2)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs of two processes."""
    folder = tmp_path_factory.mktemp("two")
    spawn(process, (free_port(), folder), nprocs=PROCESSES)
    return folder


@pytest.mark.parametrize("job", JOBS)
def test_two_processes_are_one(two: Path, tmp_path: Path, job: str) -> None:
    one, other = train(job, tmp_path / "one", 4), RunFolder.open(two / job)
    rows, theirs = one.ledger.rows("round"), other.ledger.rows("round")
    assert [row["step"] for row in rows] == [0, 2]
    assert rows == theirs  # weights differ by rounding yet, and the answers are drawn by the same numbers
    for number in (1,) if job == "dpo" else (0, 1):
        name = f"rounds/round-{number:05d}.jsonl"
        mine, its = (path.artifact(name).read_text().splitlines() for path in (one, other))
        texts = [[{k: v for k, v in json.loads(line).items() if k != "pvi"} for line in side] for side in (mine, its)]
        assert texts[0] == texts[1]
    weights = [load_file(run.path / "checkpoints" / "policy" / "model.safetensors") for run in (one, other)]
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], atol=2e-6, rtol=0)
    assert other.ledger.rows("setup")[0]["processes"] == PROCESSES
