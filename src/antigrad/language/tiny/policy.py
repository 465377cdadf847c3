"""The tiny policy itself: made with random weights, and written to a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from antigrad.core.files import write_atomic
from antigrad.core.streams import seeded
from antigrad.language.policy import Policy
from antigrad.language.quiet import quiet
from antigrad.language.tiny.tokenizer import CONTEXT, EOS, PAD, TOKENS, make_tokenizer


def new_policy(seed: int) -> Policy:
    """Make the tiny policy with random weights: 992,000 of them.

    A Llama of five layers, 128 wide. Its head is the embedding (tied), as in most small language models.

    Args:
        seed: Decides the weights; the global random stream stays as it was.

    Returns:
        The policy.

    Example:
        >>> sum(weight.numel() for weight in new_policy(0).model.parameters())
        992000
    """
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer()
    end, pad = TOKENS.index(EOS), TOKENS.index(PAD)
    settings = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=344,
        num_hidden_layers=5,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        # The usual 0.02 is meant for widths of thousands; in trials at 128 adding was learned later with it.
        initializer_range=0.06,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
    )
    with seeded("tiny policy", seed):
        model = LlamaForCausalLM(settings)
    model.generation_config = GenerationConfig(do_sample=True, eos_token_id=end, pad_token_id=pad)
    return Policy(model.eval(), tokenizer, "tiny")


def save_policy(policy: Policy, folder: Path, card: Mapping[str, Any]) -> None:
    """Write a policy as a folder that transformers loads: safetensors, tokenizer, and a card.

    Args:
        policy: The policy.
        folder: Where to; made with its parents.
        card: What to say about it, written to `card.json`.
    """
    with quiet(always=True):
        policy.model.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)
    write_atomic(folder / "card.json", json.dumps(card, indent=2) + "\n")
