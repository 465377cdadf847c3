"""Positions counted from the first real token: trainers pad prompts on the left, and some models count padding."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor

from antigrad.language.reads import generation_changes, left_padding_changes


def count_real_tokens(model: Any) -> bool:
    """Let a model read padded prompts as it reads bare ones, if that takes positions only.

    Args:
        model: The bare causal language model; one that reads them alike already is left as it is, bit for bit.

    Returns:
        True if it reads padded prompts alike now, and resumes from them alike.
    """
    was = model.training
    model.eval()
    try:
        return _reads_alike(model) and not generation_changes(model)
    finally:
        model.train(was)


def _reads_alike(model: Any) -> bool:
    if not left_padding_changes(model):
        return True
    if "position_ids" not in inspect.signature(type(model).forward).parameters:
        return False
    handle = model.register_forward_pre_hook(_with_positions, with_kwargs=True)
    if not left_padding_changes(model):
        return True
    handle.remove()
    return False


def _with_positions(_: Any, given: tuple[Any, ...], options: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    mask, ids = options.get("attention_mask"), options.get("input_ids")
    cached = options.get("past_key_values") is not None or options.get("cache") is not None
    if not isinstance(mask, Tensor) or not isinstance(ids, Tensor) or mask.shape != ids.shape or cached:
        return given, options
    if options.get("position_ids") is None:
        options["position_ids"] = (mask.long().cumsum(-1) - 1).clamp(min=0)
    return given, options
