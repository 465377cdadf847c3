"""Models that are trained: loaded with their adapters beside the weights, and looked at below PEFT's wrapper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from antigrad.language.policy import Policy, load_any
from antigrad.language.reads import check_causal
from antigrad.posttraining.train.settings import TrainConfig


def load_to_train(config: TrainConfig) -> Policy:
    """Load the model that a training starts from.

    Args:
        config: The settings.

    Returns:
        Model and tokenizer, which has a padding token; an adapter stays beside the weights, and is trained on.

    Raises:
        AntigradError: The model is missing or unreadable.
        InputValueError: It is not causal: what is padded on the right would be read.
    """
    policy = load_any(config.model, device="cpu", trust_remote_code=config.trust_remote_code, to_train=True)
    if policy.tokenizer.pad_token is None:
        policy.tokenizer.pad_token = policy.tokenizer.eos_token
    check_causal(policy.model, policy.name)
    return policy


def bare(model: Any) -> Any:
    """Look below PEFT's wrapper.

    Args:
        model: A model, wrapped or not.

    Returns:
        The causal language model; adapters that are on act in it.
    """
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def below(policy: Policy) -> Policy:
    """The same policy without PEFT's wrapper, which has no states of its own.

    Args:
        policy: A policy.

    Returns:
        A policy of the same weights; adapters that are on act in it.
    """
    return replace(policy, model=bare(policy.model))
