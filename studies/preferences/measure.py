"""A policy on held-out questions and pairs: accuracy, log-probabilities, and the mass of what it would rather write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from antigrad.core.streams import seeded
from antigrad.language.measure import batches
from antigrad.language.policy import Policy
from antigrad.language.rollouts import end_tokens, judged
from antigrad.language.tasks import Task
from antigrad.posttraining.pairs.pair import Tokens


@dataclass(frozen=True)
class Asked:
    """What a policy is measured on.

    Args:
        task: Questions that are not trained on.
        pairs: Held-out pairs.
        pvi: PVI of each pair's rejected response, nats.
        greedy: Token ids of the greedy answer to each pair's prompt, before training.
        samples: Responses a question at temperature 1, beside the greedy one.
        max_new_tokens: Longest response.
        rows_at_once: Sequences a forward pass.
    """

    task: Task
    pairs: Sequence[Tokens]
    pvi: Sequence[float]
    greedy: Sequence[Sequence[int]]
    samples: int
    max_new_tokens: int
    rows_at_once: int


def figures(policy: Policy, asked: Asked, seed: int) -> dict[str, float]:
    """Measure a policy.

    Args:
        policy: The policy as it is.
        asked: On what.
        seed: Of the sampled responses.

    Returns:
        `greedy` and `sampled` accuracy; mean log-probability in nats of `chosen`, `rejected`, `initial` responses,
        and of rejected ones with PVI above (`rejected_useful`) and below 0 (`rejected_harmful`); `mass_chosen`,
        `mass_rejected`: mean probability of the likeliest token at the places of a response.
    """
    prompts = [asked.task.prompt(question, tokenizer=None) for question in asked.task.questions]
    found = {"greedy": accuracy(policy, asked, prompts, 0, seed)}
    if asked.samples:
        found["sampled"] = accuracy(policy, asked, prompts, asked.samples, seed)
    sides = {
        "chosen": [pair.chosen for pair in asked.pairs],
        "rejected": [pair.rejected for pair in asked.pairs],
        "initial": list(asked.greedy),
    }
    for name, responses in sides.items():
        rows = [(pair.prompt, response) for pair, response in zip(asked.pairs, responses, strict=True)]
        sums, mass = likelihoods(policy, rows, asked.rows_at_once)
        found[name] = float(sums.mean())
        if name != "initial":
            found[f"mass_{name}"] = float(mass.mean())
        if name == "rejected":
            pvi = torch.tensor(list(asked.pvi))
            for kind, some in (("useful", pvi > 0), ("harmful", pvi < 0)):
                if bool(some.any()):
                    found[f"rejected_{kind}"] = float(sums[some].mean())
    return found


@torch.no_grad()
def accuracy(policy: Policy, asked: Asked, prompts: Sequence[str], samples: int, seed: int) -> float:
    """Judge responses to all questions, asked together.

    Args:
        policy: The policy.
        asked: Says how to judge.
        prompts: Of the questions.
        samples: Responses a question; 0 for the greedy one.
        seed: Of the draws.

    Returns:
        Share of correct responses.
    """
    rows = generated(policy, prompts, samples, asked.max_new_tokens, seed)
    count = max(1, samples)
    right: list[float] = []
    for place, question in enumerate(asked.task.questions):
        some = rows[place * count : (place + 1) * count]
        right += judged(policy, asked.task, question, torch.zeros(1), some).correct.tolist()
    return sum(right) / len(right)


@torch.no_grad()
def generated(policy: Policy, prompts: Sequence[str], samples: int, max_new_tokens: int, seed: int) -> list[list[int]]:
    """Continue prompts, padded on the left.

    Args:
        policy: The policy.
        prompts: Texts.
        samples: Responses each at temperature 1; 0 for the greedy one.
        max_new_tokens: Longest response.
        seed: Of the draws.

    Returns:
        Token ids behind each prompt, prompt by prompt.
    """
    tokenizer = policy.tokenizer
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    batch = tokenizer(list(prompts), return_tensors="pt", padding=True)
    options: dict[str, Any] = {"do_sample": False}
    if samples:
        options = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "num_return_sequences": samples}
    with seeded("preferences", seed):
        out = policy.model.generate(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            max_new_tokens=max_new_tokens,
            eos_token_id=end_tokens(policy),
            pad_token_id=tokenizer.pad_token_id,
            **options,
        )
    return out[:, batch.input_ids.shape[1] :].tolist()


@torch.no_grad()
def likelihoods(
    policy: Policy, rows: Sequence[tuple[Sequence[int], Sequence[int]]], rows_at_once: int
) -> tuple[Tensor, Tensor]:
    """Log-probability of each response, and the mean mass of the likeliest token along it.

    Args:
        policy: The policy.
        rows: Prompt and response of each, token ids.
        rows_at_once: Sequences a forward pass.

    Returns:
        (N,) nats, and (N,) probabilities.
    """
    lengths = torch.tensor([len(prompt) + len(response) for prompt, response in rows])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    sums, mass = torch.zeros(len(rows)).double(), torch.zeros(len(rows)).double()
    for some in batches(mask, torch.arange(len(rows)), rows_at_once):
        ids = torch.zeros(len(some), int(lengths[some].max()), dtype=torch.long)
        chosen = [rows[row] for row in some.tolist()]
        for place, (prompt, response) in enumerate(chosen):
            ids[place, : len(prompt) + len(response)] = torch.tensor([*prompt, *response])
        states = policy.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        for place, (prompt, response) in enumerate(chosen):
            here = states[place, len(prompt) - 1 : len(prompt) + len(response) - 1]
            logits = torch.log_softmax(policy.model.get_output_embeddings()(here).float(), -1)
            label = logits.gather(-1, torch.tensor(list(response))[:, None])
            row = int(some[place])
            sums[row], mass[row] = float(label.double().sum()), float(logits.max(-1).values.exp().double().mean())
    return sums, mass
