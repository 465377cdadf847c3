"""Texts compared letter by letter."""

from __future__ import annotations

import unicodedata

from antigrad.language.tasks.question import Question
from antigrad.language.tasks.verifiers.answers import answer_part


def exact(response: str, question: Question) -> bool:
    """Tell whether the response, or what it answers with behind its thinking, is the answer, case included.

    Args:
        response: What the model wrote.
        question: What it was asked.

    Returns:
        True if both are equal after NFKC, with each run of white space as one space and none outside.

    Example:
        >>> from antigrad.language.tasks import Question
        >>> question = Question(id="1", question="Capital of France?", answer="Paris")
        >>> exact("  Paris ", question), exact("paris", question), exact("<answer>Paris</answer>", question)
        (True, False, True)
    """
    gold = _normal(question.answer)
    return _normal(response) == gold or _normal(answer_part(response)) == gold


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())
