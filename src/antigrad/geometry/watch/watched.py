"""Which tensors of a model are watched, under which names, cut into which blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from antigrad.core.errors import InputTypeError, InputValueError

Granularity = Literal["layer", "head", "row", "coordinate"]
"""Finest blocks that are looked at: whole tensors, attention heads, rows of matrices, single weights."""

Gradients = dict[nn.Parameter, Tensor]
"""Something of the shape of each parameter: gradients, moves, copies."""

_ROWS = ("q_proj", "k_proj", "v_proj")
_COLUMNS = ("o_proj", "out_proj")


@dataclass(frozen=True)
class Block:
    """One block of a certificate: a parameter, or a slice of it.

    Args:
        name: What it is called in the ledger.
        layer: Name of the parameter it is a part of.
        parameter: The parameter.
        cut: Dimension, start and length of the slice; None for all of it.
    """

    name: str
    layer: str
    parameter: nn.Parameter
    cut: tuple[int, int, int] | None = None

    def of(self, tensor: Tensor) -> Tensor:
        """Cut this block out of a tensor of the parameter's shape.

        Args:
            tensor: The parameter, its gradient, or a copy.

        Returns:
            A view.
        """
        return tensor if self.cut is None else tensor.narrow(*self.cut)


def local(tensor: Tensor) -> Tensor:
    """Return what this process holds of a tensor.

    Args:
        tensor: A tensor, sharded (a DTensor) or not.

    Returns:
        The local shard, without a graph.
    """
    tensor = tensor.detach()
    return cast(Any, tensor).to_local() if is_sharded(tensor) else tensor


class Copies:
    """Copies of parameters in memory that is kept between steps: fresh pages cost more than the copying."""

    def __init__(self) -> None:
        self._kept: dict[tuple[torch.dtype, torch.device], Tensor] = {}

    def of(self, parameters: Sequence[nn.Parameter]) -> dict[nn.Parameter, Tensor]:
        """Copy what this process holds of parameters, over the copies made before.

        Args:
            parameters: What to copy.

        Returns:
            The copies, valid until the next call.
        """
        kinds: dict[tuple[torch.dtype, torch.device], list[tuple[nn.Parameter, Tensor]]] = {}
        for parameter in parameters:
            tensor = local(parameter)
            kinds.setdefault((tensor.dtype, tensor.device), []).append((parameter, tensor))
        found: dict[nn.Parameter, Tensor] = {}
        for kind, group in kinds.items():
            sizes = [tensor.numel() for _, tensor in group]
            if kind not in self._kept or len(self._kept[kind]) < sum(sizes):
                self._kept[kind] = torch.empty(sum(sizes), dtype=kind[0], device=kind[1])
            for (parameter, tensor), piece in zip(group, self._kept[kind][: sum(sizes)].split(sizes), strict=True):
                found[parameter] = piece.view(tensor.shape).copy_(tensor)
        return found


def is_sharded(tensor: Tensor) -> bool:
    """Whether a tensor is a DTensor.

    Args:
        tensor: A parameter.

    Returns:
        True if each process holds a part of it.
    """
    return type(tensor) not in (Tensor, nn.Parameter) and hasattr(tensor, "to_local") and hasattr(tensor, "device_mesh")


def copies(tensor: Tensor, world: int) -> int:
    """How many processes hold the same numbers of a tensor.

    Args:
        tensor: A parameter.
        world: Number of processes.

    Returns:
        `world` for a tensor that every process has whole; 1 for one sharded over all of them.
    """
    if not is_sharded(tensor):
        return world
    sharded = cast(Any, tensor)
    shards = 1
    for size, placement in zip(sharded.device_mesh.shape, sharded.placements, strict=True):
        shards *= size if placement.is_shard() else 1
    return max(1, world // shards)


def names_of(parameters: Sequence[nn.Parameter], model: nn.Module | None) -> dict[nn.Parameter, str]:
    """Name parameters as the model does, or by their place in the optimizer.

    Args:
        parameters: What an optimizer steps, without repetitions.
        model: The model, if known; a tied parameter has the name it is met by first.

    Returns:
        A name for each parameter.
    """
    known = {} if model is None else {parameter: name for name, parameter in model.named_parameters()}
    return {parameter: known.get(parameter, f"parameter_{place}") for place, parameter in enumerate(parameters)}


def optimizer_parameters(optimizer: torch.optim.Optimizer, *, empty: bool = False) -> list[nn.Parameter]:
    """Parameters an optimizer steps, each once.

    Args:
        optimizer: The optimizer.
        empty: Whether there may be none, as while a model is frozen.

    Returns:
        Those that need a gradient now, in the order of its groups.

    Raises:
        InputTypeError: It has no groups of parameters.
        InputValueError: There is none: the model is frozen.
    """
    if not hasattr(optimizer, "param_groups"):
        raise InputTypeError(
            f"{type(optimizer).__name__}, which has no param_groups",
            "an optimizer with param_groups",
            "if it wraps another optimizer, watch that one: Watch(optimizer.optimizer)",
        )
    every = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    found = [parameter for parameter in dict.fromkeys(every) if parameter.requires_grad]
    if not found and not empty:
        raise InputValueError(
            f"{type(optimizer).__name__} over {len(every)} parameters, none with requires_grad",
            "at least one that is trained",
            "unfreeze the model, or give the optimizer its trainable parameters",
        )
    return found


def cut_into_blocks(
    names: Mapping[nn.Parameter, str], granularity: Granularity, model: nn.Module | None
) -> list[Block]:
    """Cut parameters into named blocks: heads of attention if asked for, whole tensors otherwise.

    Rows and coordinates are too many to have names; they are looked at inside these blocks.

    Args:
        names: Parameters and their names.
        granularity: Finest blocks that are looked at.
        model: Where heads are found: modules with a `head_dim` (or `nn.MultiheadAttention`) over
            projections named q_proj, k_proj, v_proj (heads are rows), o_proj or out_proj (columns).

    Returns:
        Blocks in the order of the parameters.

    Raises:
        InputTypeError: Rows or coordinates of parameters that are sharded over processes.
    """
    if granularity in ("head", "row", "coordinate") and any(map(is_sharded, names)):
        raise InputTypeError(
            f"granularity {granularity!r} with sharded parameters (DTensor)",
            "granularity 'layer'",
            "a shard does not hold whole heads or rows",
        )
    heads = _head_cuts(model) if granularity != "layer" and model is not None else {}
    blocks: list[Block] = []
    for parameter, name in names.items():
        dimension, length = heads.get(parameter, (0, 0))
        if length and parameter.shape[dimension] % length == 0 and parameter.shape[dimension] > length:
            starts = range(0, parameter.shape[dimension], length)
            cuts = [(dimension, start, length) for start in starts]
            blocks += [Block(f"{name}[head {head}]", name, parameter, cut) for head, cut in enumerate(cuts)]
        else:
            blocks.append(Block(name, name, parameter))
    return blocks


def _head_cuts(model: nn.Module) -> dict[nn.Parameter, tuple[int, int]]:
    """Find the dimension and length of the heads in each projection of each attention module.

    Args:
        model: The model.

    Returns:
        Parameter to dimension and length.
    """
    cuts: dict[nn.Parameter, tuple[int, int]] = {}
    for module in model.modules():
        length = getattr(module, "head_dim", None)
        if not isinstance(length, int):
            continue
        children = dict(module.named_children())
        packed = getattr(module, "in_proj_weight", None)
        if isinstance(packed, nn.Parameter):
            cuts[packed] = (0, length)
        for names, dimension in ((_ROWS, 0), (_COLUMNS, 1)):
            for name in names:
                weight = getattr(children.get(name), "weight", None)
                if isinstance(weight, nn.Parameter) and weight.ndim == 2:
                    cuts[weight] = (dimension, length)
    return cuts
