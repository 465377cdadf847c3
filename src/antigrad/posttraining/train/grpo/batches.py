"""TRL's batches as dictionaries of tensors: putting groups together again, and replacing groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from antigrad.core.errors import InputValueError

Batch = dict[str, Any]
PICTURES = (
    "pixel_values", "image_grid_thw", "num_images", "pixel_attention_mask", "spatial_shapes", "num_tiles",
    "image_sizes", "token_type_ids", "mm_token_type_ids", "image_position_ids",
)  # fmt: skip
"""What a forward of an image model needs beside the tokens."""
_LEFT = ("prompt_ids", "prompt_mask")
_FILL = {"tool_mask": 1}
"""Padding of keys whose padding is neither 0 nor the tokenizer's."""


def check_plain(batch: Mapping[str, Any]) -> None:
    """Refuse batches whose entries are not one row per response.

    Args:
        batch: TRL's dictionary.

    Raises:
        InputValueError: It has images.
    """
    if any(not isinstance(value, Tensor) for value in batch.values()) or "pixel_values" in batch:
        raise InputValueError("a batch with images", "text", "use credit='none' and resample=0 with image models")


def whole_groups(batches: Sequence[Batch]) -> list[Batch]:
    """Put the rows of each group next to each other, groups in the order in which they first appear.

    TRL shuffles responses before it cuts the generation batch into micro-batches; this undoes it within
    groups only, so that a micro-batch of whole groups can be weighed from its own forward.

    Args:
        batches: Micro-batches of one generation, of the same number of rows, with a `group` entry.

    Returns:
        As many micro-batches.

    Example:
        >>> a, b = ({"group": torch.tensor(ids), "n": torch.tensor(6)} for ids in ([1, 0], [0, 1]))
        >>> [batch["group"].tolist() for batch in whole_groups([a, b])]
        [[1, 1], [0, 0]]
    """
    group = torch.cat([batch["group"] for batch in batches])
    place = {number: order for order, number in enumerate(dict.fromkeys(group.tolist()))}
    order = torch.tensor([place[number] for number in group.tolist()], device=group.device).argsort(stable=True)
    size = len(group) // len(batches)
    out: list[Batch] = [{} for _ in batches]
    for key, first in batches[0].items():
        joined = first if first.ndim == 0 else torch.cat([batch[key] for batch in batches])[order]
        for number, batch in enumerate(out):
            batch[key] = joined if first.ndim == 0 else joined[number * size : (number + 1) * size]
    return out


def replaced(batch: Batch, rows: Tensor, other: Batch, others: Tensor, pad_token: int) -> Batch:
    """Put responses of another batch in the place of some.

    Args:
        batch: The batch.
        rows: (n,) places to fill.
        other: Where from.
        others: (n,) its rows.
        pad_token: The tokenizer's padding.

    Returns:
        A new batch; prompts are padded on the left, all else on the right.
    """
    out: Batch = {}
    for key, value in batch.items():
        if value.ndim == 0:
            out[key] = value
            continue
        fill = pad_token if key.endswith("_ids") else _FILL.get(key, 0)
        # A ratio of one value per response has one column, and keeps it.
        one, two = _same_width(value, other[key], fill, left=key in _LEFT)
        one = one.clone()
        one[rows] = two[others]
        out[key] = one
    return out


def _same_width(one: Tensor, two: Tensor, fill: int, *, left: bool) -> tuple[Tensor, Tensor]:
    if one.ndim < 2 or one.shape[1] == two.shape[1]:
        return one, two
    width = max(one.shape[1], two.shape[1])

    def wide(tensor: Tensor) -> Tensor:
        missing = width - tensor.shape[1]
        return pad(tensor, (*(0, 0) * (tensor.ndim - 2), *((missing, 0) if left else (0, missing))), value=fill)

    return wide(one), wide(two)


def sequence(batch: Batch) -> tuple[Tensor, Tensor, int]:
    """Join prompts and responses.

    Args:
        batch: TRL's dictionary.

    Returns:
        (B, P+T) token ids and attention mask, and T.
    """
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    return ids, torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1), batch["completion_ids"].shape[1]
