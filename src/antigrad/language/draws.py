r"""Sampling by numbers drawn before: row i takes its tokens from its own numbers, whoever shares its batch.

| symbol | shape | meaning |
| --- | --- | --- |
| $u$ | (B, T) | numbers of [0, 1), one per response and place |
| $F$ | (B, V) | cumulative probabilities of the next token, in the order of the vocabulary |
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError

Processor = Callable[[Tensor, Tensor], Tensor]


def uniforms(seed: int, count: int, length: int) -> Tensor:
    """Draw the numbers of the responses to one question.

    Args:
        seed: Of the question; see `antigrad.core.streams.stream_seed`.
        count: Responses.
        length: Tokens of the longest.

    Returns:
        (count, length) numbers of [0, 1), float64, on the CPU. With more responses the first ones keep theirs.

    Example:
        >>> bool((uniforms(1, 5, 3)[:2] == uniforms(1, 2, 3)).all())
        True
    """
    stream = torch.Generator().manual_seed(seed)
    return torch.stack([torch.rand(length, generator=stream, dtype=torch.float64) for _ in range(count)])


def chosen_tokens(logits: Tensor, temperature: float, numbers: Tensor) -> Tensor:
    r"""Take the token in whose stretch of the cumulative distribution a number falls.

    $$a=\min\{v: F_v>u\},\qquad F_v=\sum_{w\le v}\mathrm{softmax}(z/t)_w$$

    Args:
        logits: (B, V) logits z.
        temperature: t > 0.
        numbers: (B,) numbers u of [0, 1).

    Returns:
        (B,) tokens; exactly distributed as the softmax if the numbers are uniform.

    Raises:
        InputValueError: A logit is NaN, or infinite upwards.

    Source: inversion of the distribution function (Devroye 1986, ch. II.2).

    Deviations: none.

    Example:
        >>> chosen_tokens(torch.tensor([[0.25, 0.0, 0.75]]).log().repeat(3, 1), 1.0, torch.tensor([0.1, 0.25, 0.9]))
        tensor([0, 2, 2])
    """
    cumulative = torch.softmax(logits.double() / temperature, -1).cumsum(-1)
    if not bool(torch.isfinite(cumulative[:, -1]).all()):
        raise InputValueError("NaN or infinite logits while sampling", "finite ones", "check the weights")
    # Rounding may leave the last entry a little off 1: the numbers are stretched to it.
    aims = numbers.to(cumulative)[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, aims, right=True)[:, 0].clamp(max=logits.shape[-1] - 1)


def by_numbers(numbers: Tensor, start: int, temperature: float) -> Processor:
    """Make the greedy choice of `generate` a draw by given numbers.

    Args:
        numbers: (B, T) numbers of [0, 1).
        start: Where responses begin.
        temperature: Sampling temperature.

    Returns:
        A logits processor that leaves one token of each row.
    """

    def processor(ids: Tensor, scores: Tensor) -> Tensor:
        tokens = chosen_tokens(scores, temperature, numbers[:, ids.shape[1] - start])
        return torch.full_like(scores, -torch.inf).scatter(-1, tokens[:, None], 0.0)

    return processor
