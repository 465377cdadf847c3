"""GRPO on the tiny policy with questions that it mostly answers wrong: real sampling, the parts watched."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from antigrad.core.streams import seeded
from antigrad.geometry import Watch
from antigrad.language.policy import Policy, load_policy
from antigrad.language.tasks import Question
from antigrad.language.tasks.arithmetic import Problem, questions
from antigrad.language.tasks.verifiers import last_number
from antigrad.language.tiny.accuracy import GROUP, LONGEST, measure_accuracy
from antigrad.language.tiny.pretrain.job import batch
from antigrad.objectives.grpo import Grpo, group_advantages

QUESTIONS = 8
"""Questions a step, with `GROUP` responses each."""
CANDIDATES = 320
"""Questions asked once to find the hard ones."""
HARD = 2
"""Most right answers of a hard question among `GROUP`; at least one, so that there is something to raise."""
ADVANTAGES: Mapping[str, Callable[[Tensor], Tensor]] = {
    # GRPO's own: what is raised and what is lowered have the same sum, spread over one or over seven responses.
    "centred": group_advantages,
    # No baseline: +1 and −1. Three quarters of the responses are wrong, and so is three quarters of the weight.
    "signed": lambda rewards: 2 * rewards - 1,
}


def train(advantages: str, weight: Any, seed: int, steps: int) -> dict[str, float]:
    """Train on hard questions and measure what became of answers held aside.

    Args:
        advantages: One of `ADVANTAGES`.
        weight: Of the down part: a number, or `safe`.
        seed: Decides questions and draws.
        steps: Updates, every one watched.

    Returns:
        Change of the log-likelihood of worked answers held aside and of the accuracy, what the steps did
        to the parts, the weights used.
    """
    policy = load_policy("tiny", device="cpu")
    asked, test = _hard(seed), questions(200, seed, "test")
    before = (_likelihood(policy, test), measure_accuracy(policy, test, seed=seed).accuracy)
    optimizer, objective = torch.optim.AdamW(policy.model.parameters(), lr=1e-4, weight_decay=0.0), Grpo()
    wrong: list[float] = []
    with Watch(optimizer, model=policy.model, every=1, independent="none", weight=weight) as watch:
        for step in range(steps):
            chosen = [asked[(QUESTIONS * step + place) % len(asked)] for place in range(QUESTIONS)]
            with seeded("negatives", seed, step):
                ids, counted, right = _sample(policy, chosen)
            wrong.append(1 - float(right.mean()))
            weights = torch.cat([ADVANTAGES[advantages](rewards) for rewards in right])
            optimizer.zero_grad()
            log_probs = policy.model(input_ids=ids[:, :-1]).logits.log_softmax(-1)
            log_probs = log_probs.gather(-1, ids[:, 1:, None])[..., 0]
            watch.backward(objective(log_probs, log_probs.detach(), weights, counted))
            optimizer.step()
    after = (_likelihood(policy, test), measure_accuracy(policy, test, seed=seed).accuracy)
    changes = {"log_likelihood_change": after[0] - before[0], "accuracy_change": after[1] - before[1]}
    start = {"accuracy_before": before[1], "wrong_share": statistics.mean(wrong), "hard_questions": len(asked)}
    return changes | start | _effects(watch.rows)


def _effects(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    both = [row for row in rows if (row["effect"] or {}).keys() == {"up", "down"}]
    interactions = [row["interaction"] for row in both]
    return {
        "up_effect": statistics.mean(row["effect"]["up"] for row in both),
        "down_effect": statistics.mean(row["effect"]["down"] for row in both),
        "up_gains_share": statistics.mean(float(row["effect"]["up"] > 0) for row in both),
        "every_part_gains_share": statistics.mean(float(min(row["effect"].values()) > 0) for row in both),
        "conflict_share": statistics.mean(float(found["up_down"] < 0) for found in interactions),
        "balanced_weight": statistics.median((found["up_up"] / found["down_down"]) ** 0.5 for found in interactions),
        "weight_mean": statistics.mean(row["down_weight"] for row in both),
    }


@cache
def _hard(seed: int) -> list[Problem]:
    policy = load_policy("tiny", device="cpu")
    found = questions(CANDIDATES, seed, "train")
    with seeded("hard", seed):
        right = torch.cat([_sample(policy, found[start : start + 64])[2] for start in range(0, CANDIDATES, 64)])
    counts = right.sum(1).tolist()
    return [problem for problem, count in zip(found, counts, strict=True) if 1 <= count <= HARD]


@torch.no_grad()
def _sample(policy: Policy, problems: Sequence[Problem]) -> tuple[Tensor, Tensor, Tensor]:
    """Sample a group of responses to each problem.

    Args:
        policy: The policy.
        problems: Q of them.

    Returns:
        (Q·GROUP, L) questions and responses, padded right; (Q·GROUP, L − 1) which of the predicted tokens
        count; (Q, GROUP) 1 where the last number is the answer.
    """
    tokenizer = policy.tokenizer
    prompts = tokenizer([problem.question for problem in problems], return_tensors="pt", padding=True)
    options = {"do_sample": True, "temperature": 1.0, "top_k": 0, "max_new_tokens": LONGEST}
    out = policy.model.generate(**prompts, num_return_sequences=GROUP, **options)
    responses = out[:, prompts.input_ids.shape[1] :]
    lengths = (responses != tokenizer.pad_token_id).sum(1).tolist()
    texts = tokenizer.batch_decode(responses, skip_special_tokens=True)
    rows, counted, right = [], [], []
    for place, (response, length, text) in enumerate(zip(responses, lengths, texts, strict=True)):
        problem = problems[place // GROUP]
        question = torch.tensor(tokenizer(problem.question).input_ids)
        rows.append(torch.cat([question, response[:length]]))
        counted.append(torch.arange(1, len(rows[-1])) >= len(question))
        right.append(last_number(text, Question("", problem.question, str(problem.answer))))
    rewards = torch.tensor(right, dtype=torch.float32).reshape(len(problems), GROUP)
    # Causal attention keeps padding on the right out.
    return pad_sequence(rows, True, tokenizer.pad_token_id), pad_sequence(counted, True, False), rewards


@torch.no_grad()
def _likelihood(policy: Policy, problems: Sequence[Problem]) -> float:
    encoded = batch(policy.tokenizer, problems)
    targets = encoded["labels"][:, 1:]
    log_probs = policy.model(input_ids=encoded["input_ids"][:, :-1]).logits.log_softmax(-1)
    chosen = log_probs.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return float((chosen * (targets >= 0)).sum(1).mean())
