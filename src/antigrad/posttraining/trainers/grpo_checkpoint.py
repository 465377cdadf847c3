"""What a checkpoint of TRL's trainer lacks for going on to the same result: the batch in use, and the clocks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.files import write_atomic

_GENERATOR = "generator"


def _files(folder: Path, rank: int) -> tuple[Path, Path]:
    return folder / f"antigrad_batch_{rank}.safetensors", folder / f"antigrad_state_{rank}.json"


def save_state(
    folder: Path, rank: int, state: dict[str, Any], batches: list[dict[str, Any]], generator: Tensor
) -> None:
    """Write a process's state beside the trainer's; the JSON file is the last one, and makes it complete.

    Args:
        folder: The checkpoint.
        rank: Number of the process.
        state: What JSON knows.
        batches: Micro-batches of the generation in use; empty if there is none.
        generator: State of the generator that draws further prompts.
    """
    tensors_path, state_path = _files(folder, rank)
    tensors = {
        f"{n}/{key}": value.clone().contiguous() for n, batch in enumerate(batches) for key, value in batch.items()
    }
    partial = tensors_path.with_suffix(".partial")
    save_file({**tensors, _GENERATOR: generator}, partial)
    partial.replace(tensors_path)
    write_atomic(state_path, json.dumps(state | {"batches": len(batches)}))


def load_state(folder: Path, rank: int, device: torch.device) -> tuple[dict[str, Any], list[dict[str, Any]], Tensor]:
    """Read it back.

    Args:
        folder: The checkpoint.
        rank: Number of the process.
        device: Where the batches go.

    Returns:
        State, micro-batches, and the generator's state.

    Raises:
        InputValueError: The checkpoint is not one of this trainer with as many processes.
    """
    tensors_path, state_path = _files(folder, rank)
    try:
        state, tensors = json.loads(state_path.read_text()), load_file(tensors_path)
    except (OSError, ValueError) as error:
        raise InputValueError(
            f"{folder}: {error}", "a checkpoint of antigrad's GRPOTrainer", "resume with as many processes as saved it"
        ) from error
    generator = tensors.pop(_GENERATOR)
    batches: list[dict[str, Any]] = [{} for _ in range(state.pop("batches"))]
    for name, value in tensors.items():
        number, _, key = name.partition("/")
        batches[int(number)][key] = value.to(device)
    return state, batches, generator


def last_checkpoint(folder: Path, processes: int = 1) -> Path | None:
    """Find the newest checkpoint that was written whole.

    Args:
        folder: Where the trainer saves.
        processes: How many train.

    Returns:
        The checkpoint; None if there is none.
    """
    found = [path for path in folder.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    whole = [path for path in found if all(_files(path, rank)[1].is_file() for rank in range(processes))]
    return max(whole, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)
