"""The scorers of reasoning-gym's generators, and a control that finds those that accept nonsense."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from antigrad.core.bounds import can_time
from antigrad.core.errors import AntigradError
from antigrad.language.tasks.question import Question
from antigrad.language.tasks.verifiers import limit
from antigrad.language.tasks.verifiers.answers import answer_part

FULL_SCORE = 1.0
"""Score of reasoning-gym from which a response counts as correct; its partial credit does not."""
NONSENSE = ("nan", "inf", "zzz", "xyzzy plugh", "I don't know", "[]", "{}", "()")
"""Answers that are right nowhere."""
TRIED = 16
"""Questions of a generator that nonsense is tried on: a scorer may accept it where the answer is False only."""

_EVALUATES = re.compile(r"\b(?:eval|exec|sympify|parse_expr)\((?!entry\b|metadata\b)")
_PLAIN = re.compile(
    r"(?:[0-9\s+\-*/^(),.]|(?<![A-Za-z_])"
    r"(?:[A-Za-z_]|a?(?:sin|cos|tan)h?|exp|log|ln|sqrt|Abs|pi|Integral)(?![A-Za-z_])){0,1000}",
    re.ASCII,
)


def reasoning_gym(response: str, question: Question) -> bool:
    """Tell whether the generator that made the question gives the response its full score.

    What is scored is the last `<answer>...</answer>` of the response, or all of it behind its thinking if there is
    none, without white space around it. Some generators evaluate what they score as Python; they are given
    plain mathematics only, under a time limit, and anything else has to equal the answer.

    Args:
        response: What the model wrote.
        question: What it was asked; it carries the generator and its entry.

    Returns:
        True if the score is `FULL_SCORE`; partial credit is False.

    Raises:
        AntigradError: The question is not one of reasoning-gym, or its generator needs the time limit and
            this is not the main thread.

    Example:
        >>> from antigrad.language.tasks import load_task
        >>> task = load_task("reasoning_gym:products", count=1)
        >>> reasoning_gym(task.questions[0].answer, task.questions[0])
        True
    """
    dataset, entry = question.dataset, question.entry
    if dataset is None or entry is None:
        raise AntigradError(
            "verifier 'reasoning_gym' for a question that reasoning-gym did not make",
            "one of its own",
            "choose another verifier",
        )
    answer = answer_part(response).strip()

    def full_score() -> bool:
        try:
            return dataset.score_answer(answer, dict(entry)) >= FULL_SCORE
        except Exception:  # Some scorers raise on what they can't read.
            return False

    if not evaluates(type(dataset)):
        return limit.within(limit.TIME_LIMIT, full_score) if can_time() else full_score()
    return limit.within(limit.TIME_LIMIT, full_score) if _PLAIN.fullmatch(answer) else answer == question.answer


def accepted_nonsense(questions: Sequence[Question]) -> str | None:
    """Try nonsense on questions of one generator.

    Args:
        questions: Its questions; the first ones are tried.

    Returns:
        What got the full score; None if nothing did.
    """
    for question in questions[:TRIED]:
        for answer in NONSENSE:
            if answer != question.answer and reasoning_gym(answer, question):
                return answer
    return None


@lru_cache
def evaluates(generator: type[Any]) -> bool:
    """Say whether a generator's scorer runs the response as Python, directly or through SymPy's parser.

    Args:
        generator: Class of its data set.

    Returns:
        True if it does, or has no source to look at.
    """
    try:
        return bool(_EVALUATES.search(inspect.getsource(generator.score_answer)))
    except OSError:  # No source, no trust.
        return True
