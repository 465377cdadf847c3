"""Pairs from a model's own answers: correct ones against wrong ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from antigrad.core.progress import progress
from antigrad.core.streams import seeded, stream_seed
from antigrad.language.policy import Policy
from antigrad.language.rollouts import Rollouts, sample
from antigrad.language.tasks import Question, Task
from antigrad.posttraining.pairs.pair import Pair


def generate_pairs(
    policy: Policy,
    task: Task,
    *,
    samples: int = 10,
    pairs: int = 5,
    temperature: float = 0.8,
    max_new_tokens: int = 64,
    seed: int = 0,
    start: int = 1,
) -> list[Pair]:
    """Ask every question of a task several times, and pair correct with wrong answers.

    Args:
        policy: The model.
        task: Questions with a verifier.
        samples: Responses a question.
        pairs: Pairs a question at most, drawn from all correct times all wrong ones.
        temperature: Sampling temperature.
        max_new_tokens: Longest response; one that is cut off is not used.
        seed: Seed of what is drawn; each question has a stream of its own.
        start: Row number of the first pair.

    Returns:
        Pairs with the gold answer, each once. Questions with one kind of answer only give none.

    Source: Wang et al. 2025 (VPO; OpenReview LCZmI3iM8X), Sec. 4.1: 10 samples at temperature 0.8, 5 pairs a prompt.

    Deviations: responses that the length limit cut off are left out; the paper does not say.
    """
    made: list[Pair] = []
    with progress("sampling", len(task.questions)) as bar:
        for index, question in enumerate(task.questions):
            with seeded(seed, "pairs", index):
                found = sample(
                    policy, task, question, count=samples, max_new_tokens=max_new_tokens, temperature=temperature
                )
            made += paired(
                task, question, found, pairs, seed=stream_seed(seed, "pairing", index), start=start + len(made)
            )
            bar.advance(f"{len(made)} pairs")
    return made


def paired(task: Task, question: Question, found: Rollouts, count: int, *, seed: int, start: int) -> list[Pair]:
    """Pair the answers to one question.

    Args:
        task: How it was put.
        question: The question.
        found: Its answers, judged.
        count: Pairs at most.
        seed: Seed of the draw.
        start: Row number of the first.

    Returns:
        Distinct pairs.
    """
    sides: dict[bool, dict[str, None]] = {True: {}, False: {}}
    for text, correct, cut in zip(found.texts, found.correct.tolist(), found.truncated.tolist(), strict=True):
        if text.strip() and not cut:
            sides[correct].setdefault(text)
    every = [(up, down) for up in sides[True] for down in sides[False]]
    drawn = random.Random(seed).sample(every, min(count, len(every)))
    rows = _rows(task, question, drawn)
    return [Pair(row, *texts, answer=question.answer) for row, texts in enumerate(rows, start)]


def _rows(task: Task, question: Question, drawn: list[tuple[str, str]]) -> Iterator[tuple[Any, Any, Any]]:
    for up, down in drawn:
        if task.style == "chat":
            turns = [[{"role": "assistant", "content": text}] for text in (up, down)]
            yield task.messages(question), turns[0], turns[1]
        else:
            yield task.prompt(question, tokenizer=None), up, down
