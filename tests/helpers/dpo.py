"""TRL's DPOTrainer, and ours, on a random model of a few thousand weights: the same in every call."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from helpers.grpo import save, tokenizer

EXACT: dict[str, dict[str, Any]] = {
    "sigmoid": {},
    "hinge": {"loss_type": ["hinge"]},
    "ipo": {"loss_type": ["ipo"]},
    "exo_pair": {"loss_type": ["exo_pair"], "label_smoothing": 0.1},
    "nca_pair": {"loss_type": ["nca_pair"]},
    "robust": {"loss_type": ["robust"], "label_smoothing": 0.1},
    "bco_pair": {"loss_type": ["bco_pair"]},
    "sppo_hard": {"loss_type": ["sppo_hard"]},
    "apo_zero": {"loss_type": ["apo_zero"]},
    "apo_down": {"loss_type": ["apo_down"]},
    "discopop": {"loss_type": ["discopop"]},
    "sft": {"loss_type": ["sft"]},
    "sigmoid_norm": {"loss_type": ["sigmoid_norm"]},
    "rpo": {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.5]},
    "wpo": {"use_weighting": True},
    "ld_dpo": {"ld_alpha": 0.5},
    "js": {"f_divergence_type": "js_divergence"},
    "precomputed": {"precompute_ref_log_probs": True},
}
SORTED: dict[str, dict[str, Any]] = {
    "aot": {"loss_type": ["aot"]},
    "aot_unpaired": {"loss_type": ["aot_unpaired"]},
}


def rows(count: int = 8) -> list[dict[str, Any]]:
    """Pairs of words with every fact; the rejected response is longer."""
    return [
        {
            "prompt": f"w{i} w{i + 1}",
            "chosen": f" w{i + 2} w{i + 3}",
            "rejected": f" w{(5 * i) % 28} w{(7 * i + 1) % 28} w{i + 9}",
            "pvi": (-3.0, -0.1, 2.0, -1.0)[i % 4],
            "ln_ches": float(i),
            "confidence": -float(i),
            "reward_gap": (i + 1) / count,
            "kernel_chosen": 1.0,
            "kernel_cross": float(i) - 2,
            "kernel_rejected": 2.0,
        }
        for i in range(count)
    ]


def make(kind: type, folder: Path, data: Sequence[dict[str, Any]] | None = None, **options: Any) -> Any:
    """A trainer of a tiny random Qwen2; options that `DPOConfig` does not know go to the trainer."""
    from dataclasses import fields

    from datasets import Dataset
    from transformers import Qwen2ForCausalLM
    from trl import DPOConfig

    if not (folder / "config.json").exists():  # the first of several processes alone would write it
        save(folder)
    settings = {
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "max_steps": 3,
        "learning_rate": 1e-3,
        "beta": 0.5,
        "seed": 1,
        "gradient_checkpointing": False,
        "use_cpu": True,
        "bf16": False,
        "report_to": [],
        "save_strategy": "no",
        "logging_steps": 1,
        "disable_tqdm": True,
    }
    known = {one.name for one in fields(DPOConfig)}
    theirs = {key: value for key, value in options.items() if key in known}
    return kind(
        model=Qwen2ForCausalLM.from_pretrained(folder),
        args=DPOConfig(output_dir=str(folder), **(settings | theirs)),
        train_dataset=Dataset.from_list(list(rows() if data is None else data)),
        processing_class=tokenizer(),
        **{key: value for key, value in options.items() if key not in known},
    )


def moved(trainer: Any) -> Any:
    """Move the policy away from its reference, alike in every call."""
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in trainer.model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=noise))
    trainer.model.train()
    return trainer


def batch(trainer: Any, count: int = 4) -> dict[str, Any]:
    """Its first pairs, as it would see them."""
    data = trainer.train_dataset
    unused = set(data.column_names) - set(trainer._signature_columns or [])
    data = data.remove_columns(list(unused)) if trainer._signature_columns else data
    return trainer.data_collator([data[row] for row in range(count)])


def gradient(trainer: Any) -> Tensor:
    """Its gradient, as one vector."""
    return torch.cat([one.grad.flatten() for one in trainer.model.parameters() if one.grad is not None])
