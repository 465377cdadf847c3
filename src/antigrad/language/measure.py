"""Responses measured under the policy as it is: log-probabilities, entropies, states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.language.policy import Policy
from antigrad.language.rollouts import Rollouts


@dataclass(frozen=True)
class Measured:
    """What the policy says of B responses: log-probabilities in nats, entropies in nats, states.

    Args:
        log_probs: (B, T) at the sampling temperature, float32, 0 where masked.
        entropy: (B, T) of the distribution each token was drawn from, 0 where masked.
        hidden: (B, T, d) the states that predict the tokens.
    """

    log_probs: Tensor
    entropy: Tensor
    hidden: Tensor


def batches(mask: Tensor, rows: Tensor, rows_at_once: int) -> Iterator[Tensor]:
    """Put responses of like length together: one long answer must not pad all the others.

    Args:
        mask: (B, T) True on the tokens of the responses.
        rows: Which responses.
        rows_at_once: How many a batch at most.

    Yields:
        Rows of a batch; the longest has at most twice the tokens of the shortest, and 8.

    Example:
        >>> mask = torch.arange(40) < torch.tensor([[40], [3], [4]])
        >>> [batch.tolist() for batch in batches(mask, torch.arange(3), 16)]
        [[1, 2], [0]]
    """
    lengths = mask[rows].sum(-1)
    order = lengths.argsort(stable=True)
    batch: list[int] = []
    shortest = 0
    for row, length in zip(rows[order].tolist(), lengths[order].tolist(), strict=True):
        if batch and (len(batch) == rows_at_once or length > 2 * shortest + 8):
            yield torch.tensor(batch, device=mask.device)
            batch = []
        shortest = shortest if batch else length
        batch.append(row)
    if batch:
        yield torch.tensor(batch, device=mask.device)


def log_probs_of(policy: Policy, rollouts: Rollouts, rows: Tensor, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities of some responses, with a graph where gradients are on.

    Args:
        policy: The policy.
        rollouts: The responses.
        rows: (b,) which of them.
        temperature: Sampling temperature.

    Returns:
        (b, w) log-probabilities of their tokens in nats, float32, w the longest of these responses;
        (b, w, V) log-probabilities of all tokens, and (b, w, d) states.
    """
    width = max(1, int(rollouts.mask[rows].sum(-1).max()))
    tokens = rollouts.tokens[rows, :width]
    hidden = policy.hidden(rollouts.prompt, tokens)
    logits = policy.model.get_output_embeddings()(hidden).float() / temperature
    everything = torch.log_softmax(logits, -1)
    return everything.gather(-1, tokens[..., None])[..., 0], everything, hidden


@torch.no_grad()
def measure(policy: Policy, rollouts: Rollouts, *, temperature: float, rows_at_once: int) -> Measured:
    """Measure responses under the policy as it is.

    Args:
        policy: The policy.
        rollouts: The responses.
        temperature: Sampling temperature.
        rows_at_once: Responses per forward pass.

    Returns:
        Log-probabilities, entropies and states; 0 where masked.

    Raises:
        InputValueError: A log-probability is NaN or infinite.
    """
    shape, device = rollouts.tokens.shape, rollouts.tokens.device
    weight = policy.head_weight
    log_probs, entropy = torch.zeros(shape, device=device), torch.zeros(shape, device=device)
    states = torch.zeros(*shape, weight.shape[1], dtype=weight.dtype, device=device)
    for rows in batches(rollouts.mask, torch.arange(shape[0], device=device), rows_at_once):
        chosen, everything, hidden = log_probs_of(policy, rollouts, rows, temperature)
        width = chosen.shape[1]
        log_probs[rows, :width] = chosen
        entropy[rows, :width] = -(everything.exp() * everything).sum(-1)
        states[rows, :width] = hidden.to(states.dtype)
    log_probs, entropy = (torch.where(rollouts.mask, value, torch.zeros_like(value)) for value in (log_probs, entropy))
    if not bool(torch.isfinite(log_probs).all()):
        raise InputValueError(
            "NaN or infinite log-probabilities", "finite ones", "smaller step size, or check the weights"
        )
    return Measured(log_probs, entropy, states)
