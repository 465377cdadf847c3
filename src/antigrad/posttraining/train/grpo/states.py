"""Last-layer states taken out of forwards that a trainer makes anyway."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from antigrad.core.errors import InputValueError
from antigrad.language.policy import Policy, backbone_of, check_head
from antigrad.posttraining.train.models import bare

Source = Literal["none", "old_policy_pass", "training_forward", "own_pass"]
"""Where the states of a rule come from; `none` if it needs no states."""


def check_states(model: Any, tokenizer: Any) -> None:
    """Refuse a model whose scores would be wrong.

    Args:
        model: The bare model.
        tokenizer: Its tokenizer.

    Raises:
        InputValueError: The head is capped, scaled or biased. TRL itself refuses adapters on the head.
    """
    head = model.get_output_embeddings()
    if all(not parameter.is_meta and parameter.numel() for parameter in head.parameters()):
        was = model.training
        model.eval()
        try:
            check_head(Policy(model, tokenizer, getattr(model.config, "name_or_path", "") or type(model).__name__))
        finally:
            model.train(was)


def check_trainable(model: Any) -> None:
    """Refuse a model whose adapter would not be trained.

    Args:
        model: As the trainer has it.

    Raises:
        InputValueError: No parameter takes a gradient, or transformers has put an adapter into the model by itself.
    """
    hint = "load it by peft.PeftModel.from_pretrained(base, folder, is_trainable=True), and pass that as model"
    if getattr(bare(model), "_hf_peft_config_loaded", False):
        raise InputValueError("a model with an adapter inside, which transformers froze", "PEFT's own model", hint)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputValueError("a model of which no parameter takes a gradient", "something to train", hint)


@torch.no_grad()
def copy_reference(model: Any) -> None:
    """Let TRL's reference of an adapter be all of what the adapter is when training begins.

    TRL copies what is a module of its own; adapters of embeddings and of kinds other than LoRA are parameters.

    Args:
        model: As the trainer has it; nothing happens without an adapter `ref` beside `default`.
    """
    if not {"default", "ref"} <= set(getattr(model, "peft_config", {})):
        return
    known = dict(model.named_parameters())
    for name, parameter in known.items():
        twin = known.get(".".join("ref" if part == "default" else part for part in name.split(".")))
        if twin is not None and twin is not parameter and twin.shape == parameter.shape:
            twin.copy_(parameter)


def source_of(args: Any, num_iterations: int, *, needs: bool, uses_vllm_ratio: bool) -> Source:
    """Decide where states come from: no forward of its own where one exists.

    Args:
        args: TRL's `GRPOConfig`.
        num_iterations: Updates a generation batch is used for.
        needs: Whether the rule needs states at all.
        uses_vllm_ratio: Whether TRL corrects for vLLM's sampling, and so takes old log-probabilities.

    Returns:
        The source.
    """
    if not needs:
        return "none"
    every = args.steps_per_generation * num_iterations
    if args.gradient_accumulation_steps % every != 0 or uses_vllm_ratio:
        return "old_policy_pass"
    whole = args.per_device_train_batch_size % args.num_generations == 0
    return "training_forward" if whole else "own_pass"


@contextmanager
def states_of(model: Any, length: int) -> Generator[list[Tensor]]:
    """Keep the states that predict the last tokens of every forward inside the block.

    Args:
        model: The bare model.
        length: Completion tokens; of each forward the states before the last `length` tokens are kept.

    Yields:
        A list that grows by a (b, length, d) tensor, without graph, a forward.
    """
    found: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        found.append(output.last_hidden_state.detach()[:, -length - 1 : -1].clone())

    handle = backbone_of(model).register_forward_hook(keep)
    try:
        yield found
    finally:
        handle.remove()


@contextmanager
def head_weight(model: Any) -> Generator[Tensor]:
    """The whole output matrix, gathered where it is sharded.

    Args:
        model: The bare model.

    Yields:
        (V, d), without graph.
    """
    from trl.trainer.utils import maybe_gather_lm_head_ctx

    weight = model.get_output_embeddings().weight
    with maybe_gather_lm_head_ctx(weight), torch.no_grad():
        yield weight.full_tensor() if hasattr(weight, "full_tensor") else weight.detach()
