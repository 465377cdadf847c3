"""How often a policy solves the arithmetic at temperature 1, and how many groups are mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from antigrad.core.streams import seeded
from antigrad.language.policy import Policy
from antigrad.language.tasks import Question
from antigrad.language.tasks.arithmetic import Problem
from antigrad.language.tasks.verifiers import last_number

GROUP = 8
"""Responses sampled per question: the usual size of a group."""
LONGEST = 32
"""Where a response is cut off; the longest right answer has 22 tokens."""


@dataclass(frozen=True)
class Accuracy:
    """What a policy's responses to a set of questions come to.

    Args:
        accuracy: Share of responses whose last number is the answer.
        accuracy_se: Its standard error. Responses to one question are not independent, so it is that
            of the mean over questions.
        mixed: Share of questions with right and wrong responses among the `GROUP` sampled: those that
            a group-relative objective learns from.
        length: Mean length of a response in tokens, with the one that ends it.
    """

    accuracy: float
    accuracy_se: float
    mixed: float
    length: float


@torch.no_grad()
def measure_accuracy(policy: Policy, problems: Sequence[Problem], *, seed: int) -> Accuracy:
    """Sample `GROUP` responses per question at temperature 1 and verify their last numbers.

    Args:
        policy: The policy, in evaluation mode.
        problems: At least two questions with their answers.
        seed: Decides the draws; the global random stream stays as it was.

    Returns:
        The figures.

    Example:
        >>> from antigrad.language.policy import load_policy
        >>> from antigrad.language.tasks.arithmetic import questions
        >>> figures = measure_accuracy(load_policy("tiny"), questions(100, seed=0, split="test"), seed=0)
        >>> 0.4 < figures.accuracy < 0.6
        True
    """
    tokenizer = policy.tokenizer
    prompts = tokenizer([problem.question for problem in problems], return_tensors="pt", padding=True)
    with seeded("accuracy", seed):
        out = policy.model.generate(
            **prompts.to(policy.device),
            num_return_sequences=GROUP,
            do_sample=True,
            temperature=1.0,
            top_k=0,
            max_new_tokens=LONGEST,
        )
    responses = out[:, prompts.input_ids.shape[1] :]
    texts = iter(tokenizer.batch_decode(responses, skip_special_tokens=True))
    asked = (Question("", problem.question, str(problem.answer)) for problem in problems)
    right = torch.tensor([[last_number(next(texts), question) for _ in range(GROUP)] for question in asked]).double()
    shares = right.mean(1)
    return Accuracy(
        accuracy=shares.mean().item(),
        accuracy_se=(shares.std() / len(problems) ** 0.5).item(),
        mixed=((shares > 0) & (shares < 1)).double().mean().item(),
        length=(responses != tokenizer.pad_token_id).sum(1).double().mean().item(),
    )
