"""What `antigrad evaluate` is run on in tests: small checkpoints that answer otherwise, and rows made by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from helpers.models import save_model, save_questions


def save_checkpoints(folder: Path, questions: int = 5) -> Path:
    """A base, a checkpoint that moved a little from it, its copy, one whose weights are NaN, and questions."""
    save_model(folder / "base")
    changes = {"moved": 0.3, "copy": 0.0, "broken": float("nan")}
    for name, size in changes.items():
        target = save_model(folder / name)
        weights = load_file(target / "model.safetensors")
        noise = torch.Generator().manual_seed(1)
        head = weights["lm_head.weight"]
        weights["lm_head.weight"] = head + size * torch.randn(head.shape, generator=noise)
        save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    save_questions(folder / "q.jsonl", questions)
    return folder


def save_adapter(folder: Path, base: Path) -> Path:
    """A low-rank change of the base model, as PEFT saves it."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base)
    adapted: Any = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    adapted.save_pretrained(folder)
    return folder


def answers(model: str, question: int, verdicts: Sequence[bool], **changes: Any) -> dict[str, Any]:
    """A row of kind `answers`."""
    row: dict[str, Any] = {
        "kind": "answers", "model": model, "question": question, "id": str(question), "text": f"{question} + 1 =",
        "answer": str(question + 1), "status": "done", "reason": None, "prompt_tokens": 4,
        "verdicts": list(verdicts), "tokens": 6 * len(verdicts), "truncated": 0, "entropy": 0.5, "distinct": 2,
        "distinct_correct": 1, "log_prob_correct": -2.0, "positive_mass": 2.0, "positive_mass_rare": 0.5,
        "greedy": {"text": "", "correct": bool(verdicts[0]), "truncated": False}, "responses": [],
    }  # fmt: skip
    return row | changes
