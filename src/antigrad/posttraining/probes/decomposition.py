r"""One step on a pair taken apart: which token of either response moved which token of another, and what came out.

$$\Delta\log\pi(y|\chi_o)_m=-\eta\sum_l[\mathcal A\,\mathcal K_{ml}\,\mathcal G_l]_{y_m}+O(\eta^2)$$

Symbols: $\chi_o$ the response that is watched, $\mathcal A_m=I-\mathbf 1\pi_m^\top$ (V, V),
$\mathcal K_{ml}=\nabla_\theta z_m\,\nabla_\theta z_l^\top$ (V, V), $\mathcal G_l=g\,(\pi_l-e_{y_l})$ (V,)
with g the gradient weight of the response that l is of.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.core.errors import InputValueError
from antigrad.language.policy import Policy
from antigrad.posttraining.probes.likelihood import distributions

LIMIT = 2 * 2**30
"""Bytes that gradients of single tokens may take."""


@dataclass(frozen=True)
class Step:
    r"""What one step of plain gradient descent on a pair does to a response.

    Args:
        pulled: (T, N) contribution of each chosen token to each token of the watched response, nats.
        pushed: (T, M) contribution of each rejected token.
        predicted: (T,) their sum, to first order.
        measured: (T,) change of log-probability after the step, taken and taken back.
        adjustment: (T,) $\lVert\mathcal A_m\rVert_F$.
        residual_chosen: (N,) $\lVert\pi_l-e_{y_l}\rVert_2$ of the chosen tokens.
        residual_rejected: (M,) likewise of the rejected ones.
    """

    pulled: Tensor
    pushed: Tensor
    predicted: Tensor
    measured: Tensor
    adjustment: Tensor
    residual_chosen: Tensor
    residual_rejected: Tensor


def one_step(
    policy: Policy,
    prompt: Tensor,
    chosen: Sequence[int],
    rejected: Sequence[int],
    watched: tuple[Tensor, Sequence[int]],
    *,
    chosen_weight: float,
    rejected_weight: float,
    step_size: float,
) -> Step:
    r"""Take one step apart, and take it.

    $$\theta'=\theta+\eta\,\big(g_w\nabla\log\pi(y_w|x)-g_l\nabla\log\pi(y_l|x)\big)$$

    The entry of $\mathcal A\mathcal K\mathcal G$ at the token that stands there is the inner product of two
    tokens' gradients, so no (V, V) matrix is made: it costs one backward per token.

    Args:
        policy: A small model: gradients of all tokens are held at once.
        prompt: (P,) token ids.
        chosen: Token ids of the chosen response.
        rejected: Token ids of the rejected one.
        watched: A prompt and a response to it.
        chosen_weight: $g_w$ of the loss at these weights.
        rejected_weight: $g_l$; for VPO it is $(1-v)\,g_w$.
        step_size: η.

    Returns:
        The step; the model is left as it was.

    Raises:
        InputValueError: The model is too large, or a response is empty.

    Sign: `pushed` is what the rejected response's push did: below 0 where it took from the watched token.

    Source: Ren & Sutherland 2024, arXiv 2407.10490, Proposition 1 and Eq. 8 (preference pairs); the weights of VPO
        derived here.

    Deviations: only the entry of the token itself, not the whole (V,) vector; the measured change beside it is ours.
    """
    sizes = [len(chosen), len(rejected), len(watched[1])]
    if not all(sizes):
        raise InputValueError(f"responses of {sizes} tokens", "at least one token each", "leave empty ones out")
    parameters = [one for one in policy.model.parameters() if one.requires_grad]
    width = sum(one.numel() * one.element_size() for one in parameters)
    if width * sum(sizes) > LIMIT:
        given = f"{sum(sizes)} gradients of {width / 2**20:.0f} MiB"
        raise InputValueError(given, f"at most {LIMIT / 2**30:g} GiB", "take a smaller model or shorter responses")
    up, first = _token_gradients(policy, parameters, prompt, chosen)
    down, second = _token_gradients(policy, parameters, prompt, rejected)
    seen, before = _token_gradients(policy, parameters, *watched)
    pulled = step_size * chosen_weight * (seen @ up.T)
    pushed = -step_size * rejected_weight * (seen @ down.T)
    direction = chosen_weight * up.sum(0) - rejected_weight * down.sum(0)
    del up, down, seen
    with torch.no_grad(), moved(parameters, step_size * direction):
        after = _log_softmax(policy, *watched)
    tokens = torch.tensor(list(watched[1]), device=before.device)[:, None]
    square = (2 * before).exp().sum(-1)
    vocabulary = before.shape[1]
    return Step(
        pulled,
        pushed,
        pulled.sum(-1) + pushed.sum(-1),
        (after - before).gather(-1, tokens)[:, 0],
        (vocabulary - 2 + vocabulary * square).clamp(min=0).sqrt(),
        _residual(first, chosen),
        _residual(second, rejected),
    )


@contextmanager
def moved(parameters: Sequence[nn.Parameter], direction: Tensor) -> Any:
    """Move weights along a direction, and back to the bit.

    Args:
        parameters: The weights.
        direction: (D,) what is added.

    Yields:
        Nothing; the weights are moved inside.
    """
    kept = [one.detach().clone() for one in parameters]
    pieces = direction.split([one.numel() for one in parameters])
    with torch.no_grad():
        for one, piece in zip(parameters, pieces, strict=True):
            one.add_(piece.view_as(one))
    try:
        yield
    finally:
        with torch.no_grad():
            for one, saved in zip(parameters, kept, strict=True):
                one.copy_(saved)


def kernel_block(
    policy: Policy, one: tuple[Tensor, Sequence[int], int], other: tuple[Tensor, Sequence[int], int]
) -> Tensor:
    r"""Compute one block $\mathcal K_{ml}$ of the kernel of logits, whole.

    Args:
        policy: A model of a few thousand weights.
        one: Prompt, response, and the place m in it.
        other: Likewise, and the place l.

    Returns:
        (V, V) inner products of the gradients of all logits.

    Raises:
        InputValueError: The model is too large.

    Source: Ren & Sutherland 2024, arXiv 2407.10490, Proposition 1 (empirical neural tangent kernel).

    Deviations: none.
    """
    parameters = [weight for weight in policy.model.parameters() if weight.requires_grad]
    width = sum(weight.numel() * weight.element_size() for weight in parameters)
    rows = 2 * len(policy.model.get_output_embeddings().weight)
    if width * rows > LIMIT:
        given = f"{rows} gradients of {width / 2**20:.0f} MiB"
        raise InputValueError(given, f"at most {LIMIT / 2**30:g} GiB", "take a smaller model")
    sides: list[Tensor] = []
    for prompt, response, place in (one, other):
        ids = torch.cat([prompt, torch.tensor(list(response), device=prompt.device)])[None]
        logits = policy.model(input_ids=ids, use_cache=False).logits[0, len(prompt) + place - 1]
        sides.append(torch.stack([_flat(value, parameters) for value in logits]))
    return sides[0] @ sides[1].T


def _token_gradients(
    policy: Policy, parameters: list[nn.Parameter], prompt: Tensor, response: Sequence[int]
) -> tuple[Tensor, Tensor]:
    everything = _log_softmax(policy, prompt, response)
    label = everything.gather(-1, torch.tensor(list(response), device=everything.device)[:, None])[:, 0]
    return torch.stack([_flat(value, parameters) for value in label]), everything.detach()


def _log_softmax(policy: Policy, prompt: Tensor, response: Sequence[int]) -> Tensor:
    return distributions(policy, prompt, torch.tensor(list(response), device=prompt.device)[None], 1.0)[0]


def _flat(value: Tensor, parameters: list[nn.Parameter]) -> Tensor:
    # A weight that is not used gets zeros.
    found = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)
    return torch.cat([grad.flatten() for grad in found])


def _residual(log_probs: Tensor, response: Sequence[int]) -> Tensor:
    label = log_probs.gather(-1, torch.tensor(list(response), device=log_probs.device)[:, None])[:, 0]
    return ((2 * log_probs).exp().sum(-1) - 2 * label.exp() + 1).clamp(min=0).sqrt()
