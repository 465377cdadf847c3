"""TRL's trainer, and ours, on a random model of a few thousand weights: the same in every call."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

GROUP_SIZE = 4
EXACT: dict[str, dict[str, Any]] = {
    "dapo": {},
    "grpo": {"loss_type": "grpo"},
    "bnpo": {"loss_type": "bnpo"},
    "dr_grpo": {"loss_type": "dr_grpo"},
    "cispo": {"loss_type": "cispo"},
    "sapo": {"loss_type": "sapo"},
    "vespo": {"loss_type": "vespo"},
    "kl_two_iterations": {"beta": 0.01, "num_iterations": 2},
    "off_policy_mask": {"off_policy_mask_threshold": 0.5},
    "entropy_quantile": {"top_entropy_quantile": 0.5},
}
SEQUENCE: dict[str, dict[str, Any]] = {
    "luspo": {"loss_type": "luspo", "importance_sampling_level": "sequence"},
    "gspo": {"importance_sampling_level": "sequence"},
}


@cache
def tokenizer() -> Any:
    """Thirty words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [*(f"w{i}" for i in range(28)), "[PAD]", "[EOS]", "[UNK]"]
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="[PAD]", eos_token="[EOS]", unk_token="[UNK]")


def judged(text: str) -> float:
    """A verdict that depends on all of a response, and not on the process."""
    return float(hashlib.sha256(text.encode()).digest()[0] % 2)


def reward(completions: Sequence[str], **_: Any) -> list[float]:
    """The reward of all tests: half of all responses are correct."""
    return [judged(text) for text in completions]


def save(folder: Path) -> None:
    """Write a tiny random Qwen2."""
    from transformers import Qwen2Config, Qwen2ForCausalLM, set_seed

    set_seed(0)
    ids = {"pad_token_id": 28, "eos_token_id": 29, "bos_token_id": None}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 1}
    config = Qwen2Config(
        vocab_size=31, hidden_size=16, intermediate_size=32, max_position_embeddings=64, **heads, **ids
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)


def make(kind: type, folder: Path, rewards: Any = reward, data: Any = None, wrap: Any = None, **options: Any) -> Any:
    """A trainer of a tiny random Qwen2; options that `GRPOConfig` does not know go to the trainer."""
    from dataclasses import fields

    from datasets import Dataset
    from transformers import Qwen2ForCausalLM
    from trl import GRPOConfig

    if not (folder / "config.json").exists():  # the first of several processes alone would write it
        save(folder)
    model: Any = Qwen2ForCausalLM.from_pretrained(folder)  # a KL term reads the reference from there too
    model = model if wrap is None else wrap(model)
    settings = {
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2,
        "num_generations": GROUP_SIZE,
        "max_completion_length": 8,
        "max_steps": 3,
        "learning_rate": 1e-3,
        "seed": 1,
    }
    quiet = {"use_cpu": True, "bf16": False, "report_to": [], "save_strategy": "no", "logging_strategy": "no"}
    known = {one.name for one in fields(GRPOConfig)}
    theirs = {key: value for key, value in options.items() if key in known}
    arguments = GRPOConfig(
        output_dir=str(folder), disable_tqdm=True, **({"gradient_checkpointing": False} | quiet | settings | theirs)
    )
    return kind(
        model=model,
        reward_funcs=rewards,
        args=arguments,
        train_dataset=data or Dataset.from_dict({"prompt": [f"w{i} w{i + 1} w{i + 2}" for i in range(8)]}),
        processing_class=tokenizer(),
        **{key: value for key, value in options.items() if key not in known},
    )


def weights(trainer: Any) -> Tensor:
    """All weights of its model, as one vector."""
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


SELECTING = "nthr(anchor=others,eta=0)"
WHOLE = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1}


def ours() -> type:
    from antigrad.posttraining.train.grpo import GRPOTrainer

    return GRPOTrainer


def stock() -> type:
    from trl import GRPOTrainer

    return GRPOTrainer


def options(**given: Any) -> Any:
    from antigrad.posttraining.train.grpo import CreditOptions

    return CreditOptions(**given)


EACH = {"logging_strategy": "steps", "logging_steps": 1}


class Recording:
    """Mixed into a trainer: keeps the weights that reach the loss, and what they should be."""

    def _compute_loss(self, model: Any, inputs: Any) -> Any:
        loss = super()._compute_loss(model, inputs)  # type: ignore[misc]
        self.__dict__.setdefault("seen", []).append({key: value.detach().clone() for key, value in inputs.items()})
        return loss


@cache
def recording() -> type:
    return type("Recorded", (Recording, ours()), {})


def loud(completions: Sequence[str], **_: Any) -> list[float]:
    """A bonus that outweighs the verifier, against it."""
    return [-3 * judged(text) for text in completions]


def logged(trainer: Any) -> list[dict[str, float]]:
    return [row for row in trainer.state.log_history if "loss" in row]


def rare(completions: Sequence[str], **_: Any) -> list[float]:
    """Few responses are correct, so most groups have no contrast."""
    return [float(hash_of(text) % 16 == 0) for text in completions]


def hash_of(text: str) -> int:
    import hashlib

    return hashlib.sha256(text.encode()).digest()[1]
