"""The last number of a response, as an exact rational number."""

from __future__ import annotations

import re
from fractions import Fraction

from antigrad.language.tasks.question import Question
from antigrad.language.tasks.verifiers.answers import answer_part, boxed
from antigrad.language.tasks.verifiers.writing import numbers, plain, value_of, without_latex

_UNITS = re.compile(r"[\s$€£¥%°.,!?]*(?:[^\W\d_]{2,}[\s%°.,!?²³]*)*")
"""What may stand beside the number of an answer: a currency, or words, as in `18 dollars`; no lone letter."""


def last_number(response: str, question: Question) -> bool:
    r"""Tell whether the last number of the response is the answer's, as exact rational numbers.

    A number may have a sign, a currency sign, thousands separators, decimals, a decimal exponent and a
    denominator, and may be mixed: `-3`, `$1,234.50`, `1 234`, `1e3`, `1/2`, `\frac{1}{2}`, `1 1/2`; see `writing` for
    other scripts. Only what stands behind the thinking, in the last `<answer>` and in the last `\boxed{}` is read, if
    there is one. Other powers (`2^3`) are not put together, `50%` reads as 50, and a minus sign has to touch its
    number.

    Args:
        response: What the model wrote.
        question: What it was asked; its answer is one number.

    Returns:
        True if both numbers are equal; False if either has none.

    Example:
        >>> from antigrad.language.tasks import Question
        >>> question = Question(id="1", question="6 * 3 =", answer="18")
        >>> last_number("She makes 9 * 2 = $18.00.", question), last_number("18 or 19", question)
        (True, False)
    """
    given = last_value(response)
    return given is not None and given == last_value(question.answer)


def last_value(response: str) -> Fraction | None:
    """Read the last number of a response.

    Args:
        response: What the model wrote.

    Returns:
        The number; None if there is none.
    """
    part = answer_part(response)
    inside = boxed(part)
    found = numbers(without_latex(plain(part if inside is None else inside)))
    return value_of(found[-1]) if found else None


def not_one_number(answer: str) -> str | None:
    r"""Say why an answer can't be compared as one number.

    Args:
        answer: The right answer, as a task's file gives it.

    Returns:
        The verifier that fits it, `math` or `exact`; None if it is one number, with a unit or a currency at most.

    Example:
        >>> [not_one_number(answer) for answer in ("$1,234.50", "18 dollars", "x^2+2x+1", "12:30")]
        [None, None, 'math', 'exact']
    """
    inside = boxed(answer)
    text = plain(answer if inside is None else inside)
    shorthand = re.search(r"\\[dtc]?frac\s*\d", text)  # \frac12 is a fraction in TeX, and 12 to most eyes
    text = without_latex(text).strip("$ ")
    found = numbers(text)
    if len(found) == 1 and not shorthand and value_of(found[0]) is not None:
        before, after = text[: found[0].start()], text[found[0].end() :]
        if all(_UNITS.fullmatch(side) for side in (before, after)):
            return None
    return "math" if re.search(r"[\\^*+=/()_{}]|(?<![^\W_])[^\W\d_](?![^\W\d_])|\d[^\W\d_]", answer) else "exact"
