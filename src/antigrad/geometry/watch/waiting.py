"""A row that waits for the next batch, as a checkpoint keeps it: its move and its sums, without a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from antigrad.core.ledger import from_json, to_json
from antigrad.geometry.watch.pool import Products
from antigrad.geometry.watch.step import Pending, Step
from antigrad.geometry.watch.table import Table
from antigrad.geometry.watch.watched import Block

_SUMS = ("dot", "size", "share")
_FIGURES = ("whole", "whole_dot", "whole_size", "slope")


def as_tensors(pending: Pending) -> tuple[str, dict[str, Tensor]]:
    """Take a row that waits apart.

    Args:
        pending: The row.

    Returns:
        What is no tensor, as JSON, and its tensors: the move is as large as the parameters that are watched.
    """
    step, table, own = pending.step, pending.table, pending.own
    facts: dict[str, Any] = {"row": pending.row, "scale": step.scale, "blocks": [block.name for block in step.blocks]}
    facts["table"] = {"blocks": [block.name for block in table.blocks], "columns": list(table.columns)}
    tensors = {f"move/{block.layer}": step.old[block.parameter] for block in step.blocks}
    tensors |= {"decay": step.decay, "values": table.values}
    tensors |= {name: one for name in ("rows", "ratios") if (one := getattr(table, name)) is not None}
    if own is not None:
        facts["own"] = {"names": list(own.names)} | {name: getattr(own, name) for name in _FIGURES}
        tensors |= {f"own/{name}": getattr(own, name) for name in _SUMS}
    return json.dumps(to_json(facts)), {name: one.contiguous().cpu() for name, one in tensors.items()}


def from_tensors(text: str, tensors: Mapping[str, Tensor], blocks: Sequence[Block]) -> Pending | None:
    """Put a row that waits together again.

    Args:
        text: What is no tensor.
        tensors: Its tensors.
        blocks: Of the optimizer that is watched now.

    Returns:
        The row; None if other blocks are watched now.
    """
    facts, known = from_json(json.loads(text)), {block.name: block for block in blocks}
    if not {*facts["blocks"], *facts["table"]["blocks"]} <= known.keys():
        return None
    used = [known[name] for name in facts["blocks"]]
    moves = {block.parameter: tensors[f"move/{block.layer}"] for block in used}
    step = Step(used, moves, tensors["decay"], facts["scale"], buffer=0)
    table = Table(
        [known[name] for name in facts["table"]["blocks"]], facts["table"]["columns"], tensors["values"],
        tensors.get("rows"), tensors.get("ratios"),
    )  # fmt: skip
    own = facts.get("own")
    if own is not None:
        sums: dict[str, Any] = {name: tensors[f"own/{name}"] for name in _SUMS}
        own = Products(**own, **sums)
    return Pending(facts["row"], step, own, table)
