"""Pairs from a model's own answers: correct ones against wrong ones."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from antigrad.core.progress import progress
from antigrad.core.streams import seeded, stream_seed
from antigrad.language.policy import Policy
from antigrad.language.rollouts import sample
from antigrad.language.tasks import Question, Task
from antigrad.posttraining.pairs.pair import Pair, Text


@dataclass(frozen=True)
class Answers:
    """Answers to one question, judged; plain values, so that processes can hand them to each other.

    Args:
        place: The question's place in the task, from 0.
        texts: The answers.
        correct: Whether the verifier accepted each.
        cut: Whether the length limit cut each off.
        prompt: Token ids of the prompt.
        tokens: Token ids of each answer as it was sampled, with what ended it.
    """

    place: int
    texts: list[str]
    correct: list[bool]
    cut: list[bool]
    prompt: list[int] = field(default_factory=list[int])
    tokens: list[list[int]] = field(default_factory=list[list[int]])

    @property
    def usable(self) -> list[int]:
        """Places of answers that can be trained on: neither empty nor cut off."""
        return [n for n, (text, cut) in enumerate(zip(self.texts, self.cut, strict=True)) if text.strip() and not cut]


@dataclass(frozen=True)
class Count:
    """What became of one question.

    Args:
        place: Its place in the task, from 0.
        answers: Answers to it.
        correct: How many the verifier accepted.
    """

    place: int
    answers: int
    correct: int

    @property
    def zero_variance(self) -> bool:
        """Whether all answers are correct, or all wrong: nothing tells them apart."""
        return self.correct in (0, self.answers)


def count_of(answers: Answers) -> Count:
    """Count the answers to a question.

    Args:
        answers: The answers.

    Returns:
        Their numbers.
    """
    return Count(answers.place, len(answers.texts), sum(answers.correct))


def ask(
    policy: Policy,
    task: Task,
    *,
    samples: int,
    temperature: float,
    max_new_tokens: int,
    seed: int,
    places: Sequence[int] | None = None,
) -> Iterator[Answers]:
    """Ask questions of a task several times.

    Args:
        policy: The model.
        task: Questions with a verifier.
        samples: Responses a question.
        temperature: Sampling temperature.
        max_new_tokens: Longest response.
        seed: Seed of what is drawn; each question has a stream of its own, whichever others are asked.
        places: Which questions; None for all.

    Yields:
        The answers to each.
    """
    for place in range(len(task.questions)) if places is None else places:
        question = task.questions[place]
        with seeded(seed, "pairs", place):
            found = sample(
                policy, task, question, count=samples, max_new_tokens=max_new_tokens, temperature=temperature
            )
        verdicts = found.correct.tolist(), found.truncated.tolist()
        yield Answers(place, found.texts, *verdicts, found.prompt.tolist(), [list(ids) for ids in found.answers()])


def generate_pairs(
    policy: Policy,
    task: Task,
    *,
    samples: int = 10,
    pairs: int = 5,
    temperature: float = 0.8,
    max_new_tokens: int = 64,
    seed: int = 0,
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

    Returns:
        Pairs with the gold answer, each once. Questions with one kind of answer only give none.

    Source: Wang et al. 2025 (VPO; OpenReview LCZmI3iM8X), Sec. 4.1: 10 samples at temperature 0.8, 5 pairs per prompt.

    Deviations: responses that the length limit cut off are left out; the paper does not say.
    """
    answers = ask(policy, task, samples=samples, temperature=temperature, max_new_tokens=max_new_tokens, seed=seed)
    return pairs_of(task, shown(answers, len(task.questions)), pairs, seed=seed)


def shown(answers: Iterable[Answers], count: int) -> Iterator[Answers]:
    """Show how far the sampling is.

    Args:
        answers: What comes in.
        count: Questions in all.

    Yields:
        The same.
    """
    with progress("sampling", count) as bar:
        for one in answers:
            bar.advance()
            yield one


def pairs_of(task: Task, answers: Iterable[Answers], count: int, *, seed: int) -> list[Pair]:
    """Pair the answers to questions, correct with wrong ones.

    Args:
        task: How they were put.
        answers: Answers to questions, in their order.
        count: Pairs a question at most.
        seed: Seed of the draw; each question has a stream of its own.

    Returns:
        Distinct pairs, numbered from 1.
    """
    made: list[Pair] = []
    for one in answers:
        question = task.questions[one.place]
        drawn = _drawn(one, count, stream_seed(seed, "pairing", one.place))
        prompt = prompt_text(task, question)
        for texts in drawn:
            up, down = (said(task, text) for text in texts)
            made.append(Pair(len(made) + 1, prompt, up, down, answer=question.answer))
    return made


def _drawn(answers: Answers, count: int, seed: int) -> list[tuple[str, str]]:
    sides: dict[bool, dict[str, None]] = {True: {}, False: {}}
    for place in answers.usable:
        sides[answers.correct[place]].setdefault(answers.texts[place])
    every = [(up, down) for up in sides[True] for down in sides[False]]
    return random.Random(seed).sample(every, min(count, len(every)))


def prompt_text(task: Task, question: Question) -> Text:
    """Write a question as the prompt of a row.

    Args:
        task: How it is put.
        question: The question.

    Returns:
        Messages in chat style, else a text.
    """
    return task.messages(question) if task.style == "chat" else task.prompt(question, tokenizer=None)


def said(task: Task, text: str) -> Any:
    """Write an answer as the response of a row.

    Args:
        task: How its question was put.
        text: The answer.

    Returns:
        Messages in chat style, else the text.
    """
    return [{"role": "assistant", "content": text}] if task.style == "chat" else text
