"""Many small networks of one shape as stacked weights: each operation acts on all arms and seeds at once."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional

Weights = dict[str, Tensor]
"""Name and stacked weights, (A, ...): the first axis is the network."""


class World(ABC):
    """A parametric policy on prompts: how it starts, samples and scores.

    Every method takes and gives a leading axis of A networks.
    """

    @abstractmethod
    def start(self, seeds: list[int]) -> tuple[Weights, float]:
        """Train the reference policy of each seed to the data law.

        Args:
            seeds: S seeds.

        Returns:
            The weights of S networks, and the mean of their last losses in nats.
        """

    @abstractmethod
    def prompts(self, count: int, numbers: torch.Generator) -> Tensor:
        """Draw prompts.

        Args:
            count: How many.
            numbers: Random numbers.

        Returns:
            (count, ...) prompts.
        """

    @abstractmethod
    def rollout(self, weights: Weights, prompts: Tensor, numbers: torch.Generator) -> Tensor:
        """Sample one response to each prompt.

        Args:
            weights: Of A networks.
            prompts: (A, B, ...) prompts.
            numbers: Random numbers.

        Returns:
            (A, B, ...) samples, prompts included.
        """

    @abstractmethod
    def token_log_probs(self, weights: Weights, samples: Tensor) -> Tensor:
        """Score the tokens of samples.

        Args:
            weights: Of A networks, with a graph.
            samples: (A, B, ...) as `rollout` gives them.

        Returns:
            (A, B, T) log-probabilities, in nats.
        """

    @abstractmethod
    def reference_log_probs(self, reference: Weights, samples: Tensor) -> Tensor:
        """Score samples under the frozen reference of preference losses.

        Args:
            reference: Weights of the start.
            samples: (A, B, ...) samples.

        Returns:
            (A, B) log-probabilities of whole responses.
        """

    @abstractmethod
    def first_rollout(self, reference: Weights, prompts: Tensor, numbers: torch.Generator) -> Tensor:
        """Sample the data of the first round and of offline arms.

        Args:
            reference: Weights of the start.
            prompts: (A, B, ...) prompts.
            numbers: Random numbers.

        Returns:
            (A, B, ...) samples.
        """

    @abstractmethod
    def rewards(self, samples: Tensor, centres: Tensor) -> Tensor:
        """Judge samples.

        Args:
            samples: (A, B, ...) samples.
            centres: (A,) centre of each network's reward.

        Returns:
            (A, B) rewards in float64, rounded to 1e-9 so that sums in another order tie.
        """


def linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    """Apply each network's own linear layer.

    Args:
        weights: With `name.w` (A, in, out) and `name.b` (A, out).
        name: The layer.
        x: (A, B, in).

    Returns:
        (A, B, out).
    """
    return torch.baddbmm(weights[f"{name}.b"][:, None], x, weights[f"{name}.w"])


def layer_norm(weights: Weights, name: str, x: Tensor) -> Tensor:
    """Apply each network's own layer normalisation.

    Args:
        weights: With `name.w` and `name.b`, (A, d).
        name: The layer.
        x: (A, B, d).

    Returns:
        (A, B, d).
    """
    unit = functional.layer_norm(x, x.shape[-1:])
    return torch.addcmul(weights[f"{name}.b"][:, None], unit, weights[f"{name}.w"][:, None])


def repeat(weights: Weights, index: Tensor) -> Weights:
    """Copy networks.

    Args:
        weights: Of S networks.
        index: (A,) which network each copy is of.

    Returns:
        Weights of A networks, leaves without a graph.
    """
    return {name: value.detach()[index].clone() for name, value in weights.items()}


def choose(logits: Tensor, numbers: torch.Generator) -> Tensor:
    """Draw one action from each row of logits.

    Args:
        logits: (A, B, V).
        numbers: Random numbers.

    Returns:
        (A, B) actions.
    """
    # Exponential races: the smallest of E_v / π_v is v with probability π_v.
    races = torch.empty_like(logits).exponential_(generator=numbers)
    return (logits.softmax(-1) / races).argmax(-1)
