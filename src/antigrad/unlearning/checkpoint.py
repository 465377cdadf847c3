"""Where a method was at the end of an epoch, on disk: weights, optimizer and counters, in two files and a manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from antigrad.core.checkpoints import Checkpoints, reading
from antigrad.core.errors import AntigradError
from antigrad.core.ledger import from_json, to_json

_TENSORS, _POSITION = "state.safetensors", "position.json"


@dataclass(frozen=True)
class Position:
    """Where a run was.

    Args:
        phase: Place of the phase.
        epoch: Last epoch that is done, within the phase.
        ended: The phase had reached its target.
        done: Counters and history so far.
        safe: State of the safe weight; None without.
        best: Score of the best state so far; None where the last is kept.
    """

    phase: int
    epoch: int
    ended: bool
    done: dict[str, Any]
    safe: dict[str, float] | None
    best: float | None


@dataclass(frozen=True)
class Found:
    """A checkpoint that was read.

    Args:
        position: Where the run was.
        model: State of the module.
        best: State of its best epoch; empty where none is kept.
        optimizer: Tensors of the optimizer, by `place/name`.
        payers: Who paid so far; empty where that is not followed.
    """

    position: Position
    model: dict[str, Tensor]
    best: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    payers: dict[str, Tensor]

    def into(self, optimizer: torch.optim.Optimizer) -> None:
        """Give an optimizer its state back.

        Args:
            optimizer: A new one of the same parameters.
        """
        whole = optimizer.state_dict()
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in self.optimizer.items():
            place, _, name = key.partition("/")
            state.setdefault(int(place), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})


class EpochCheckpoints:
    """The last checkpoints of one method.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._kept = Checkpoints(folder)

    def write(
        self,
        position: Position,
        model: Mapping[str, Tensor],
        best: Mapping[str, Tensor] | None,
        optimizer: torch.optim.Optimizer,
        payers: Mapping[str, Tensor],
    ) -> None:
        """Write it, whole or not at all.

        Args:
            position: Where the run is.
            model: State of the module.
            best: State of its best epoch, or None.
            optimizer: With its state.
            payers: Who paid so far.
        """
        tensors = {f"model/{name}": value for name, value in model.items()}
        tensors |= {f"best/{name}": value for name, value in (best or {}).items()}
        tensors |= {f"payers/{name}": value for name, value in payers.items()}
        state = cast("dict[int, dict[str, Any]]", optimizer.state_dict()["state"])
        for place, values in state.items():
            kept = {name: value for name, value in values.items() if value is not None}
            tensors |= {f"optimizer/{place}/{name}": torch.as_tensor(value) for name, value in kept.items()}
        whole = {name: value.detach().contiguous().clone() for name, value in tensors.items()}
        place = json.dumps(to_json(asdict(position)), allow_nan=False)
        # Phases count their epochs anew; the number orders checkpoints over all of them.
        self._kept.write(int(position.done["epochs"]), {_TENSORS: save(whole), _POSITION: place.encode()})

    def read(self) -> Found | None:
        """Read the newest one that is whole.

        Returns:
            What was written; None where there is none.
        """
        last = self._kept.last()
        if last is None:
            return None
        with reading(last):
            position = Position(**from_json(json.loads((last / _POSITION).read_text())))
            tensors = load_file(last / _TENSORS)
        groups: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}, "payers": {}}
        for name, value in tensors.items():
            group, _, rest = name.partition("/")
            groups[group][rest] = value
        return Found(position, groups["model"], groups["best"], groups["optimizer"], groups["payers"])

    def remove(self) -> None:
        """Remove them: the method is done."""
        self._kept.remove()


def load_into(model: nn.Module, path: Path) -> None:
    """Read the state of a model that this run wrote.

    Args:
        model: Gets it, and is put into eval mode.
        path: Where it lies.

    Raises:
        AntigradError: The file is damaged, or holds another model.
    """
    try:
        model.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split()[:30])
        raise AntigradError(f"{path}: {reason}", "a model of this run", "choose another --output") from error
    model.eval()
