"""What a checkpoint of TRL's trainer lacks for going on to the same result: the batch in use, and the clocks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save, save_file
from torch import Tensor

from antigrad.core.checkpoints import Checkpoints
from antigrad.core.errors import AntigradError, InputValueError
from antigrad.core.files import disk_errors, write_atomic

_GENERATOR = "generator"
_REFERENCE = "antigrad_reference.safetensors"


def _files(folder: Path, rank: int) -> tuple[Path, Path]:
    return folder / f"antigrad_batch_{rank}.safetensors", folder / f"antigrad_state_{rank}.json"


def save_state(
    folder: Path, rank: int, state: dict[str, Any], batches: list[dict[str, Any]], generator: Tensor
) -> None:
    """Write a process's state beside the trainer's; the checkpoint is whole with its manifest.

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
    write_atomic(tensors_path, save({**tensors, _GENERATOR: generator}))
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
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
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

    Raises:
        AntigradError: The disk is full, or the folder can't be written.
    """
    tensors = {name: value.clone().contiguous() for name, value in model.state_dict().items()}
    with disk_errors(folder):
        try:
            save_file(tensors, folder / _REFERENCE)
        except SafetensorError as error:
            hint = "free some space, then run again with --resume"
            raise AntigradError(f"{folder}: {error}", "a disk with room for a checkpoint", hint) from error


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
            f"{folder / _REFERENCE}: {error}", "the reference model of this run", "start over in another --output"
        ) from error


def check_processes(folder: Path, state: dict[str, Any], processes: int) -> None:
    """Refuse to resume with another number of processes: each has its own part of the batch.

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


def last_checkpoint(folder: Path, processes: int = 1, say: Callable[[str], None] | None = None) -> Path | None:
    """Find the newest checkpoint that is whole.

    Args:
        folder: Where the trainer saves.
        processes: How many train.
        say: Takes a sentence on each damaged one; standard error when None.

    Returns:
        The checkpoint; None if there is none.

    Raises:
        InputValueError: Another number of processes saved it.
    """
    path = Checkpoints(folder).last(say=say)
    if path is not None and (first := _files(path, 0)[1]).is_file():
        check_processes(path, json.loads(first.read_text()), processes)
    return path
