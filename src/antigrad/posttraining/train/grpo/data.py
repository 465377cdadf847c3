"""From a task to what TRL trains on: prompts, a reward, and where responses end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from antigrad.core.errors import InputValueError, raise_all
from antigrad.language.policy import Policy
from antigrad.language.rollouts import prompt_of
from antigrad.language.tasks import Question, Task
from antigrad.posttraining.train.models import bare
from antigrad.posttraining.train.positions import count_real_tokens


def prompt_rows(task: Task, questions: Sequence[Question], start: int = 0) -> list[dict[str, Any]]:
    """Write prompts for TRL.

    Args:
        task: How questions are put.
        questions: Which ones.
        start: Place of the first among all that are asked.

    Returns:
        Rows with `prompt`, a text in raw style and messages in chat style, and `question`, its place among all.
    """
    return [
        {
            "prompt": task.messages(question) if task.style == "chat" else task.prompt(question, tokenizer=None),
            "question": place,
        }
        for place, question in enumerate(questions, start)
    ]


def check_prompts(policy: Policy, asked: Sequence[tuple[Task, Sequence[Question]]], max_new_tokens: int) -> None:
    """Refuse prompts that the model can't read, all of them, and models that can't read them, before a run begins.

    Args:
        policy: Model and tokenizer.
        asked: Tasks with the questions of each.
        max_new_tokens: Longest response.

    Raises:
        InputValueError: Prompts differ in length, and the model would read their padding.
    """
    problems: list[str] = []
    lengths: set[int] = set()
    for task, questions in asked:
        for question in questions:
            try:
                lengths.add(len(prompt_of(policy, task, question, max_new_tokens)))
            except InputValueError as error:
                problems.append(str(error))
    raise_all("the prompts of train grpo", problems)
    model = bare(policy.model)
    if len(lengths) > 1 and not count_real_tokens(model):
        given = (
            f"prompts of {min(lengths)} to {max(lengths)} tokens with {type(model).__name__}, which reads their padding"
        )
        raise InputValueError(given, "prompts of one length", "ask such questions, or use another model")


class Correct:
    """The reward: 1 if the task's verifier accepts a response, else 0.

    Args:
        asked: Tasks with the questions of each; a response names its question by its place among all.
    """

    __name__ = "correct"

    def __init__(self, asked: Sequence[tuple[Task, Sequence[Question]]]) -> None:
        self._asked = [(task, question) for task, questions in asked for question in questions]

    def __call__(self, completions: Sequence[Any], question: Sequence[int], **_: Any) -> list[float]:
        """Judge responses.

        Args:
            completions: Texts, or lists of messages.
            question: Place of the question each answers.
            **_: What else TRL gives.

        Returns:
            1 or 0 for each.
        """
        texts = [one if isinstance(one, str) else one[-1]["content"] for one in completions]
        asked = [self._asked[place] for place in question]
        return [float(task.correct(text, one)) for text, (task, one) in zip(texts, asked, strict=True)]


def end_at(model: Any, tokenizer: Any, stop: str | None) -> None:
    """Let responses end with the text that ends an answer, by making tokens with it in them end tokens.

    Args:
        model: The model, whose generation settings change.
        tokenizer: Its tokenizer.
        stop: The text; None changes nothing. Where no single token holds it, responses run on, and the
            verifier cuts them.
    """
    if stop is None:
        return
    ends = model.generation_config.eos_token_id
    ends = [] if ends is None else ends if isinstance(ends, list) else [ends]
    words = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
    found = [token for token, word in enumerate(words) if stop in word]
    model.generation_config.eos_token_id = list(dict.fromkeys([*ends, *found]))
