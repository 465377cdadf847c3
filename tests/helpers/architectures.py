"""Causal language models of transformers, each tiny and random, with a real tokenizer, as a user would have them."""

import inspect
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from helpers.models import make_tokenizer

SIZES: dict[str, Any] = {
    "hidden_size": 32, "d_model": 32, "n_embd": 32, "dim": 32, "embed_dim": 32, "word_embed_proj_dim": 32,
    "embedding_size": 32, "intermediate_size": 48, "ffn_dim": 48, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48,
    "n_inner": 48, "dff": 48, "hidden_dim": 48, "ffn_hidden_size": 48, "moe_intermediate_size": 24,
    "shared_expert_intermediate_size": 24, "intermediate_size_mlp": 48, "num_hidden_layers": 2, "n_layer": 2,
    "n_layers": 2, "num_layers": 2, "encoder_layers": 2, "decoder_layers": 2, "num_attention_heads": 4, "n_head": 4,
    "n_heads": 4, "num_heads": 4, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64, "n_positions": 64, "max_seq_len": 64,
    "lru_width": 32, "state_size": 4, "attention_window_size": 16, "sliding_window": 16, "rotary_dim": 4,
    "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 8,
    "n_routed_experts": 4, "num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2, "n_group": 1,
    "topk_group": 1, "first_k_dense_replace": 1, "ssm_state_size": 4, "mamba_d_state": 4, "mamba_d_head": 8,
    "mamba_n_heads": 8, "mamba_expand": 2, "mamba_n_groups": 1, "mamba_num_heads": 8, "mamba_head_dim": 8,
    "n_groups": 1, "chunk_size": 8, "mamba_chunk_size": 8, "conv_kernel": 4, "expand": 2, "time_step_rank": 4,
    "mamba_dt_rank": 4,
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 52, "laurel_rank": 4, "altup_num_inputs": 2,
    "num_kv_shared_layers": 0, "pad_to_multiple_of": None, "attention_hidden_size": 32, "head_size": 8,
    "cross_attention_hidden_size": None, "max_window_layers": 2,
}  # fmt: skip
OWN: dict[str, dict[str, Any]] = {
    "recurrent_gemma": {"num_hidden_layers": 3},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 16},
    "bloom": {"n_head": 4},
    "mpt": {"max_seq_len": 64},
    "mamba2": {"num_heads": 8, "head_dim": 8},
    "falcon": {"alibi": False},
    "bert": {"is_decoder": True},
    "roberta": {"is_decoder": True},
    "codegen": {"rotary_dim": 4},
    "gptj": {"rotary_dim": 4},
    "xlnet": {"d_inner": 48},
    "gpt_oss": {"layer_types": ["sliding_attention", "full_attention"]},
    "phi3": {"pad_token_id": 0},
    "bamba": {"attn_layer_indices": [1]},
    "jamba": {"attn_layer_offset": 1, "attn_layer_period": 2, "expert_layer_period": 2, "use_mamba_kernels": False},
    "reformer": {"is_decoder": True},
}


def make(name: str) -> Any:
    """A random model of one architecture."""
    tokenizer = make_tokenizer()
    kind = type(AutoConfig.for_model(name))
    known = set(inspect.signature(kind.__init__).parameters) | set(kind().to_dict())
    ids = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    own = {"vocab_size": len(tokenizer), **SIZES, **ids, **OWN.get(name, {})}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(kind(**{key: one for key, one in own.items() if key in known})).eval()
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.data.normal_(std=0.15)
    return model


def save(folder: Path, name: str) -> tuple[Path, Path]:
    """Two models, the second a little away from the first."""
    model = make(name)
    model.save_pretrained(folder / "before")
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.data.add_(0.01 * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(folder / "after")
    for end in ("before", "after"):
        make_tokenizer().save_pretrained(folder / end)
    return folder / "before", folder / "after"
