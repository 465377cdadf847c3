"""What a model can read: tokens that are in its tables, and as many of them as it has positions for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from antigrad.core.errors import InputValueError

_POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "n_ctx")
"""What model families call the number of positions."""
_WITHOUT = ("bloom", "mpt", "mamba", "mamba2", "falcon_mamba", "rwkv", "xlnet", "recurrent_gemma", "ctrl")
"""Model types whose positions have no end: biases by distance, states, or sines made as they are needed."""


def positions_of(model: Any) -> int | None:
    """Count the positions that a model was made for.

    Rotary models compute beyond theirs without a word, and nobody has trained what they say there: they are held to
    the number in their configuration too.

    Args:
        model: A causal language model.

    Returns:
        Tokens of prompt and response together; None if there is no limit.
    """
    config = model.config.get_text_config()
    if config.model_type in _WITHOUT:
        return None
    found = next((value for name in _POSITIONS if isinstance(value := getattr(config, name, None), int)), None)
    # Families that count positions from behind the padding token have so many fewer.
    table = next((one for name, one in model.named_modules() if name.endswith(".position_embeddings")), None)
    padding = getattr(table, "padding_idx", None)
    return found if found is None or padding is None else found - padding - 1


def check_padding(model: Any, tokenizer: Any, name: str) -> None:
    """Refuse a padding token that is not in a model's table: one that was added to the tokenizer alone.

    Args:
        model: A causal language model.
        tokenizer: Its tokenizer.
        name: Of the model, for the message.

    Raises:
        InputValueError: Padding would be looked up beyond the table.
    """
    rows, padding = len(model.get_input_embeddings().weight), tokenizer.pad_token_id
    if padding is not None and not 0 <= padding < rows:
        given = f"the padding token {tokenizer.pad_token!r} of {name!r} has id {padding}"
        expected = f"an id below {rows}, the rows of the model's embedding"
        raise InputValueError(given, expected, "set pad_token in tokenizer_config.json to a token that the model has")


def check_fits(model: Any, ids: Sequence[int], more: int, *, name: str, shorten: str) -> None:
    """Refuse what would leave a model's tables of tokens or positions.

    Args:
        model: A causal language model.
        ids: Token ids of a prompt, or of a whole text.
        more: Tokens that may follow them.
        name: What the tokens are of, for the message.
        shorten: What to do about too many, likewise.

    Raises:
        InputValueError: There are no tokens, too many, or some that the model does not know.
    """
    rows, longest = len(model.get_input_embeddings().weight), positions_of(model)
    if not ids:
        raise InputValueError(f"{name} gives an empty prompt", "at least one token", "write a text")
    if max(ids) >= rows:
        expected = f"ids below {rows}, the rows of the model's embedding"
        raise InputValueError(f"{name} has token {max(ids)}", expected, "use the model's own tokenizer")
    if longest is not None and len(ids) + more > longest:
        given = f"{name}: {len(ids)} tokens" + (f" of prompt and up to {more} of response" if more else "")
        raise InputValueError(given, f"at most {longest} together, the model's positions", shorten)
