"""Random models of a few thousand parameters with a real tokenizer, saved as a user would have them."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models
from transformers import (
    AutoModelForCausalLM,
    CohereConfig,
    Gemma2Config,
    GPT2Config,
    GPTNeoXConfig,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    PhiConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

from antigrad.language.policy import Policy

PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"
CHARACTERS = "0123456789+*= \nabcdfghnorstuwQA:?."
PAIRS = [(digit, letter) for digit in "012" for letter in "abcd"]
"""Tokens such as `1b`: a random response most often ends in one of three numbers, so groups are mixed."""
TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}A:{% endif %}"
CONFIGS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "llama": (LlamaConfig, {"tie_word_embeddings": False}),
    "llama_tied": (LlamaConfig, {"tie_word_embeddings": True}),
    "qwen2": (Qwen2Config, {"tie_word_embeddings": True}),
    "mistral_window": (MistralConfig, {"sliding_window": 4}),
    "gpt2": (GPT2Config, {"n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 64}),
    "gpt_neox": (GPTNeoXConfig, {}),
    "gemma2": (Gemma2Config, {"final_logit_softcapping": 30.0, "head_dim": 8}),
    "granite": (GraniteConfig, {"logits_scaling": 8.0}),
    "cohere": (CohereConfig, {"logit_scale": 0.0625}),
    "phi": (PhiConfig, {}),
}


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Characters, and pairs of a digit and a letter merged to one token."""
    words = [PAD, EOS, UNKNOWN, *CHARACTERS, *map("".join, PAIRS)]
    core = Tokenizer(models.BPE({word: place for place, word in enumerate(words)}, PAIRS, unk_token=UNKNOWN))
    core.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token=PAD, eos_token=EOS, unk_token=UNKNOWN, chat_template=TEMPLATE
    )


def make_model(kind: str = "llama", seed: int = 0, **options: object) -> Any:
    """A random model of two layers whose probabilities are far from uniform."""
    config, own = CONFIGS[kind]
    tokenizer = make_tokenizer()
    size = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if kind in ("gpt2", "gpt_neox"):
        size.pop("num_key_value_heads")
    if kind == "gpt2":
        for name in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"):
            size.pop(name)
        size.pop("max_position_embeddings")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config(**{**size, **own, **options})).eval()
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.data.normal_(std=0.2)
    return model


def make_policy(kind: str = "llama", seed: int = 0, **options: object) -> Policy:
    """The same, without a detour by the disk."""
    return Policy(make_model(kind, seed, **options), make_tokenizer(), kind)


def save_model(folder: Path, kind: str = "llama", seed: int = 0, **options: object) -> Path:
    """Save model and tokenizer as transformers does."""
    make_model(kind, seed, **options).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def save_questions(path: Path, count: int = 4) -> Path:
    """Questions whose answer is 0, 1 or 2."""
    rows = [{"question": f"{number} + {number} = ?", "answer": str(number % 3)} for number in range(1, count + 1)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def in_float64(policy: Policy) -> Policy:
    """The same policy in double precision throughout; the norms of transformers fall back to single."""

    def norm(module: Any, hidden: torch.Tensor) -> torch.Tensor:
        return module.weight * hidden * (hidden.pow(2).mean(-1, keepdim=True) + module.variance_epsilon).rsqrt()

    for module in policy.model.double().modules():
        if hasattr(module, "variance_epsilon"):
            module.forward = partial(norm, module)
    return policy
