"""The same training in one process or in two, plain, replicated or sharded, watched or not."""

import json
import os
import socket
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from antigrad.core.parts import Parts
from antigrad.geometry import Watch
from helpers.watching import batch, parts_of

Kind = Literal["one", "ddp", "fsdp"]
STEPS = 6
PROCESSES = 2


def train_small(
    kind: Kind, watched: bool, *, rank: int = 0, run: Path | None = None
) -> tuple[list[Tensor], list[dict]]:
    """Train on this process's share of each batch; returns the whole parameters and the rows."""
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(12, 17), nn.Tanh(), nn.Linear(17, 5))
    model: Any = module
    if kind == "ddp":
        model = DistributedDataParallel(module)
    elif kind == "fsdp":
        model = fully_shard(module)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    watch = Watch(optimizer, model=module, every=1, run=run) if watched else None
    for step in range(STEPS):
        inputs, labels = batch(step)
        if kind != "one":
            inputs, labels = inputs[rank::PROCESSES], labels[rank::PROCESSES]
        optimizer.zero_grad()
        parts: Parts = parts_of(model, inputs, labels)
        if watch is None:
            parts.total().backward()
        else:
            watch.backward(parts)
        optimizer.step()
    if watch is not None:
        watch.close()
    whole = [p.detach().full_tensor() if kind == "fsdp" else p.detach() for p in module.parameters()]  # type: ignore[operator]
    return [tensor.clone() for tensor in whole], [] if watch is None else watch.rows


def process(rank: int, port: int, kind: Kind, folder: Path) -> None:
    """One of two processes: trains unwatched, then watched, and leaves what came out in the folder."""
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.distributed.init_process_group("gloo", rank=rank, world_size=PROCESSES)
    try:
        plain, _ = train_small(kind, False, rank=rank)
        parameters, rows = train_small(kind, True, rank=rank, run=folder / "run")
        torch.save({"plain": plain, "watched": parameters}, folder / f"{rank}.pt")
        (folder / f"{rank}.json").write_text(json.dumps(rows))
    finally:
        torch.distributed.destroy_process_group()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
