"""What the verdict of a training says of an accuracy before and after."""

from __future__ import annotations

import math

from antigrad.core.page import Tone
from antigrad.core.significance import LEAST


def change_tone(before: float, after: float, questions: int) -> Tone:
    """Say whether an accuracy changed by more than chance, without the questions' own figures.

    Args:
        before: Share solved before.
        after: Share solved after.
        questions: Asked both times.

    Returns:
        `good` or `bad` beyond two standard errors of two independent samples in which all responses to a question
        agree, which is the widest there is; else `neutral`.

    Example:
        >>> change_tone(0.5, 0.9, 64), change_tone(0.5, 0.55, 64)
        ('good', 'neutral')
    """
    error = math.sqrt((before * (1 - before) + after * (1 - after)) / max(questions, 1))
    if questions < LEAST or abs(after - before) <= 2 * error:
        return "neutral"
    return "good" if after > before else "bad"


def change_word(tone: Tone) -> str:
    """Answer whether a training helped.

    Args:
        tone: Of `change_tone`.

    Returns:
        The word that the answer begins with.
    """
    return {"good": "Yes", "bad": "No", "neutral": "Not settled"}[tone]


def change_sure(tone: Tone, questions: int) -> str:
    """Say how sure a change is.

    Args:
        tone: Of `change_tone`.
        questions: How many.

    Returns:
        One sentence.
    """
    what = "indistinguishable from chance" if tone == "neutral" else "more than chance"
    return f"{questions} questions: {what}."


def change_advice(tone: Tone) -> str:
    """Say what to do with a trained policy.

    Args:
        tone: Of `change_tone`.

    Returns:
        One line.
    """
    return {
        "good": "Keep it, and see with `antigrad evaluate` whether pass@k and diversity held.",
        "bad": "Do not keep it: try a smaller learning rate, or another rule for the negative gradient.",
        "neutral": "Hold out more questions (--held_out) or train longer before deciding.",
    }[tone]
