"""Likelihood and entropy of whole responses under a model, whatever its head does to the logits."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.language.measure import batches
from antigrad.language.policy import Policy


@dataclass(frozen=True)
class Likelihoods:
    """What a model says of B responses to one prompt.

    Args:
        log_probs: Log-likelihood of each response at the sampling temperature, nats.
        entropies: Entropy of the sampling distribution, nats, summed over the tokens of each response.
    """

    log_probs: list[float]
    entropies: list[float]


@torch.no_grad()
def likelihoods(
    policy: Policy, prompt: Tensor, responses: Sequence[Sequence[int]], *, temperature: float, rows_at_once: int
) -> Likelihoods:
    r"""Measure responses to one prompt.

    $$\ln\pi(y|x)=\sum_k\ln\mathrm{softmax}(z_k/t)_{y_k},\qquad H(y)=-\sum_k\sum_v\pi_{kv}\ln\pi_{kv}$$

    Args:
        policy: The model.
        prompt: (P,) token ids.
        responses: Token ids of each response, with the token that ended it.
        temperature: t, the sampling temperature.
        rows_at_once: Responses per forward pass.

    Returns:
        Sums over the tokens of each response; empty for no responses.

    Raises:
        InputValueError: A log-probability is NaN or infinite, or a token is not in the vocabulary.
    """
    log_probs, entropies = [0.0] * len(responses), [0.0] * len(responses)
    if not responses:
        return Likelihoods([], [])
    known = len(policy.model.get_input_embeddings().weight)
    if max(max(row, default=0) for row in responses) >= known:
        raise InputValueError(f"a response with tokens beyond {known}", "tokens the model has", "check its tokenizer")
    width = max(len(row) for row in responses)
    tokens = torch.tensor([[*row, *[0] * (width - len(row))] for row in responses], device=prompt.device)
    lengths = torch.tensor([[len(row)] for row in responses], device=prompt.device)
    mask = torch.arange(width, device=prompt.device) < lengths
    for rows in batches(mask, torch.arange(len(responses), device=prompt.device), rows_at_once):
        longest = int(mask[rows].sum(-1).max())
        here = mask[rows, :longest]
        everything = distributions(policy, prompt, tokens[rows, :longest], temperature)
        chosen = everything.gather(-1, tokens[rows, :longest, None])[..., 0]
        if not bool(torch.isfinite(chosen[here]).all()):
            raise InputValueError("NaN or infinite log-probabilities", "finite ones", "check the weights or dtype")
        spread = torch.special.entr(everything.exp()).sum(-1)
        sums = [torch.where(here, value, 0).double().sum(-1).tolist() for value in (chosen, spread)]
        for place, log_prob, entropy in zip(rows.tolist(), *sums, strict=True):
            log_probs[place], entropies[place] = log_prob, entropy
    return Likelihoods(log_probs, entropies)


def distributions(policy: Policy, prompt: Tensor, tokens: Tensor, temperature: float) -> Tensor:
    """Run the model over a prompt and its responses.

    Args:
        policy: The model.
        prompt: (P,) token ids.
        tokens: (b, w) responses, padded on the right: causal attention keeps padding out.
        temperature: Sampling temperature.

    Returns:
        (b, w, V) log-probabilities, float32 or wider; place k predicts token k of the response.
    """
    model = policy.model
    ids = torch.cat([prompt.expand(len(tokens), -1), tokens], 1)
    options: dict[str, Any] = {"use_cache": False}
    if "logits_to_keep" in inspect.signature(model.forward).parameters:  # the logits of a long prompt are not needed
        options["logits_to_keep"] = tokens.shape[1] + 1
    logits = model(input_ids=ids, **options).logits[:, -tokens.shape[1] - 1 : -1]
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return torch.log_softmax(wide / temperature, -1)
