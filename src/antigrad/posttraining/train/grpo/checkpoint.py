"""What a checkpoint of TRL's trainer lacks for going on to the same result: the batch in use, and the clocks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.files import UNREADABLE, write_atomic

_GENERATOR = "generator"
_REFERENCE = "antigrad_reference.safetensors"


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
        f"{n}/{key}": value.clone().contiguous()
        for n, batch in enumerate(batches)
        for key, value in batch.items()
        if isinstance(value, Tensor)
    }
    lists = [{key: value for key, value in batch.items() if not isinstance(value, Tensor)} for batch in batches]
    partial = tensors_path.with_suffix(".partial")
    save_file({**tensors, _GENERATOR: generator}, partial)
    partial.replace(tensors_path)
    write_atomic(state_path, json.dumps(state | {"lists": lists}))


def load_state(
    folder: Path, rank: int, device: torch.device, processes: int = 1
) -> tuple[dict[str, Any], list[dict[str, Any]], Tensor]:
    """Read it back.

    Args:
        folder: The checkpoint.
        rank: Number of the process.
        device: Where the batches go.
        processes: How many train.

    Returns:
        State, micro-batches, and the generator's state.

    Raises:
        InputValueError: The checkpoint is not one of this trainer with as many processes.
    """
    tensors_path, state_path = _files(folder, rank)
    try:
        state, tensors = json.loads(state_path.read_text()), load_file(tensors_path)
    except (*UNREADABLE, SafetensorError) as error:
        theirs = not any(folder.glob("antigrad_state_*.json"))
        hint = (
            f"TRL's own trainer saved it, without the responses in use: start from its weights, with --model {folder}"
            if theirs
            else "resume with as many processes as saved it, or from an earlier checkpoint"
        )
        raise InputValueError(f"{folder}: {error}", "a checkpoint of antigrad's GRPOTrainer", hint) from error
    check_processes(folder, state, processes)
    generator = tensors.pop(_GENERATOR)
    batches: list[dict[str, Any]] = state.pop("lists")
    for name, value in tensors.items():
        number, _, key = name.partition("/")
        batches[int(number)][key] = value.to(device)
    return state, batches, generator


def save_reference(folder: Path, model: Any) -> None:
    """Write the weights of a reference model that follows the policy.

    Args:
        folder: The checkpoint.
        model: The reference.
    """
    tensors = {name: value.clone().contiguous() for name, value in model.state_dict().items()}
    partial = folder / f"{_REFERENCE}.partial"
    save_file(tensors, partial)
    partial.replace(folder / _REFERENCE)


def load_reference(folder: Path, model: Any) -> None:
    """Read them back.

    Args:
        folder: The checkpoint.
        model: The reference, whose weights change.

    Raises:
        InputValueError: The checkpoint holds none of this model.
    """
    try:
        model.load_state_dict(load_file(folder / _REFERENCE))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise InputValueError(
            f"{folder / _REFERENCE}: {error}", "the reference model of this run", "start anew in another --output"
        ) from error


def check_processes(folder: Path, state: dict[str, Any], processes: int) -> None:
    """Refuse to go on with another number of processes: each has its own part of the batch.

    Args:
        folder: The checkpoint.
        state: What its first process wrote.
        processes: How many train.

    Raises:
        InputValueError: There are more or fewer.
    """
    if (saved := state["processes"]) != processes:
        raise InputValueError(
            f"{folder}: saved by {saved} processes, and there are {processes}", "as many", f"resume with {saved}"
        )


def last_checkpoint(folder: Path, processes: int = 1) -> Path | None:
    """Find the newest checkpoint that was written whole.

    Args:
        folder: Where the trainer saves.
        processes: How many train.

    Returns:
        The checkpoint; None if there is none.

    Raises:
        InputValueError: Another number of processes saved it.
    """
    found = [path for path in folder.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    for path in sorted(found, key=lambda path: int(path.name.removeprefix("checkpoint-")), reverse=True):
        first = _files(path, 0)[1]
        if not first.is_file():
            continue
        try:
            state = json.loads(first.read_text(encoding="utf-8"))
            whole = all(_files(path, rank)[1].is_file() for rank in range(state["processes"]))
        except UNREADABLE:
            continue  # the one before it may be whole
        if whole:
            check_processes(path, state, processes)
            return path
    return None
