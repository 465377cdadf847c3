"""The tokenizer of the tiny policy: one character is one token."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, EOS, UNKNOWN = "[PAD]", "[EOS]", "[UNK]"
TOKENS = (PAD, EOS, UNKNOWN, *"0123456789+-*= \n")
"""All tokens; the id of one is its place."""
CONTEXT = 128
"""Longest text of the policy in tokens."""


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Build the tokenizer; padding is id 0, the end of a response id 1, any other character id 2.

    Encoding adds nothing, before or after the text, and pads on the left, as generation needs it.

    Returns:
        The tokenizer; `save_pretrained` makes a folder of it.

    Example:
        >>> tokenizer = make_tokenizer()
        >>> tokenizer("7*8=").input_ids
        [10, 15, 11, 16]
        >>> tokenizer.decode([10, 15, 11, 16])
        '7*8='
    """
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: index for index, token in enumerate(TOKENS)}
    # Byte-pair encoding without a merge: a text is its characters.
    characters = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=UNKNOWN))
    characters.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=characters,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNKNOWN,
        padding_side="left",
        model_max_length=CONTEXT,
    )
