"""How a model reads: whether later tokens change earlier ones, and whether padding on the left changes anything."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.language.reading import reason_of

_TOKENS = 8
_CLOSE = {torch.float32: 5e-3, torch.float64: 5e-3}
"""Nats by which rounding may move a log-probability; half precision rounds more."""


@torch.no_grad()
def check_causal(model: Any, name: str) -> None:
    """Refuse a model that gives no finite logits, or in which a token sees those behind it.

    Responses are padded on the right everywhere here, and causal attention keeps that out.

    Args:
        model: A causal language model.
        name: What it was asked for by.

    Raises:
        InputValueError: It is one of these.
    """
    ids = _ids(model, 2 * _TOKENS)
    try:
        whole = _log_probs(model, ids)
    except Exception as error:  # sizes in a configuration that do not fit each other, a package that is missing
        if "memory" in str(error):
            raise
        given = f"{name!r} ({type(model).__name__}) fails on a text: {reason_of(error)}"
        raise InputValueError(given, "a model that computes", "check its configuration") from error
    if not bool(torch.isfinite(whole).all()):
        raise InputValueError(f"{name!r} gives NaN or infinite logits", "finite logits", "check its weights or dtype")
    if not close(model, _log_probs(model, ids[:, :_TOKENS]), whole[:, :_TOKENS]):
        given = f"{name!r} ({type(model).__name__}), in which a token sees those behind it"
        raise InputValueError(given, "a causal language model", "use one; of an encoder set is_decoder in its config")


@torch.no_grad()
def left_padding_changes(model: Any) -> bool:
    """Say whether a text is read otherwise behind padding, with the mask that says so.

    Models with absolute positions count the padding unless they are given positions; recurrent ones read it.

    Args:
        model: A causal language model.

    Returns:
        True if it is.
    """
    ids = _ids(model, _TOKENS)
    padding = ids.new_zeros(1, 3)
    mask = torch.cat([padding, torch.ones_like(ids)], 1)
    padded = _log_probs(model, torch.cat([padding, ids], 1), attention_mask=mask)
    return not close(model, _log_probs(model, ids, attention_mask=mask[:, 3:]), padded[:, 3:])


@torch.no_grad()
def generation_changes(model: Any) -> bool:
    """Say whether a model goes on otherwise behind padding on the left.

    Args:
        model: A causal language model.

    Returns:
        True if it does.
    """
    ids = _ids(model, _TOKENS)
    padding = ids.new_zeros(1, 3)
    mask = torch.cat([padding, torch.ones_like(ids)], 1)
    options = {"max_new_tokens": 2, "min_new_tokens": 2, "do_sample": False, "pad_token_id": 0}
    found = [
        model.generate(some, attention_mask=its, output_logits=True, return_dict_in_generate=True, **options).logits
        for some, its in ((ids, mask[:, 3:]), (torch.cat([padding, ids], 1), mask))
    ]
    bare, behind = (torch.stack(some).float().log_softmax(-1) for some in found)
    return not close(model, bare, behind)


def _ids(model: Any, count: int) -> Tensor:
    table = model.get_input_embeddings().weight
    return (torch.arange(1, count + 1, device=table.device) % len(table))[None]


def _log_probs(model: Any, ids: Tensor, **options: Any) -> Tensor:
    return model(input_ids=ids, use_cache=False, **options).logits.float().log_softmax(-1)


def close(model: Any, one: Tensor, other: Tensor) -> bool:
    """Compare log-probabilities of a model, up to what its precision rounds.

    Args:
        model: The model.
        one: Nats.
        other: Nats.

    Returns:
        True if they are equal up to that; False where one is NaN.
    """
    limit = _CLOSE.get(model.get_input_embeddings().weight.dtype, 0.1)
    return float((one - other).abs().max()) <= limit
