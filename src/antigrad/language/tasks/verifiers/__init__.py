r"""Verifiers: pure functions that say whether a response answers a question.

| name | a response is correct if |
| --- | --- |
| `exact` | it is the answer, up to Unicode compatibility forms (NFKC) and white space |
| `last_number` | its last number (in the last `\boxed{}` if there is one) equals the answer's, exactly |
| `math` | the `math-verify` package finds what it ends with mathematically equal to the answer |
| `reasoning_gym` | the generator that made the question gives it the full score |

All of them judge what stands behind the thinking (`</think>`), in the last `<answer>` if there is one. A response is
written by a model, so it may be anything. None of these runs it as code, and the two
that hand it to a computer-algebra system do so under a time limit.
"""

from __future__ import annotations

from collections.abc import Callable

from antigrad.core.errors import InputValueError, did_you_mean
from antigrad.language.tasks.question import Question
from antigrad.language.tasks.verifiers.gym import reasoning_gym
from antigrad.language.tasks.verifiers.last_numbers import last_number, not_one_number
from antigrad.language.tasks.verifiers.mathematics import math
from antigrad.language.tasks.verifiers.texts import exact

Verifier = Callable[[str, Question], bool]

VERIFIERS: dict[str, Verifier] = {
    "exact": exact,
    "last_number": last_number,
    "math": math,
    "reasoning_gym": reasoning_gym,
}

__all__ = ["VERIFIERS", "Verifier", "exact", "last_number", "math", "not_one_number", "reasoning_gym", "verifier"]


def verifier(name: str) -> Verifier:
    """Find a verifier by its name.

    Args:
        name: One of `VERIFIERS`.

    Returns:
        The function.

    Raises:
        InputValueError: There is none of that name.

    Example:
        >>> verifier("exact") is exact
        True
    """
    if name not in VERIFIERS:
        raise InputValueError(f"unknown verifier {name!r}", "a verifier's name", did_you_mean(name, VERIFIERS))
    return VERIFIERS[name]
