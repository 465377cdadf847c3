"""Sampling with the embedded model in float32 ÷ in bfloat16 on this machine: why float32 is the default on a CPU."""

from __future__ import annotations

from typing import Any

import torch

from antigrad.language.policy import Policy, load_policy
from benchmarks.measure import paired_ratio, record


def run(quick: bool, keep: bool) -> None:
    """Measure eight rows of new tokens after a few-shot prompt."""
    length = 8 if quick else 32
    policies = {name: load_policy("smollm2-135m-instruct", dtype=name) for name in ("float32", "bfloat16")}

    def decode(policy: Policy) -> Any:
        prompt = policy.tokenizer("2 * 4 = 8\n3 * 5 = 15\n7 * 8 =", return_tensors="pt").input_ids.to(policy.device)
        common = {"attention_mask": torch.ones_like(prompt), "pad_token_id": policy.tokenizer.eos_token_id}
        return policy.model.generate(
            prompt, do_sample=True, num_return_sequences=8, min_new_tokens=length, max_new_tokens=length, **common
        )

    time = paired_ratio(lambda: decode(policies["float32"]), lambda: decode(policies["bfloat16"]), 2 if quick else 5)
    facts = {"what": "8 answers sampled, float32 ÷ bfloat16", "target": 1.0, "new_tokens": length}
    record({"name": "decoding_float32", **time, **facts}, keep=keep)
