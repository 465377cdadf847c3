"""Mathematical equality, by the package math-verify, of what a response ends with."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from types import ModuleType
from typing import Any

from antigrad.core.errors import AntigradError
from antigrad.language.tasks.question import Question
from antigrad.language.tasks.verifiers.answers import answer_part, boxed
from antigrad.language.tasks.verifiers.limit import TIME_LIMIT, within
from antigrad.language.tasks.verifiers.texts import exact
from antigrad.language.tasks.verifiers.writing import NUMBER, plain

_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2}|[=\n]")
_POWER = re.compile(r"\*\*\s*(-?\w+)")
_EXPONENT = re.compile(r"(?<![\w.])(\d*)(?:\.(\d+))?[eE]([-+]?\d{1,2})(?![\w.^])")
_GROUPED = re.compile(r"(?<=\d)(?:\{,\}|\\[,!])(?=\d{3}(?!\d))")
_LIST = re.compile(r"\}\s*\$?\s*(?:,|and|or)\s*\$?\s*\\boxed\{")
"""Boxes that are one answer together."""
_MIXED = re.compile(r"(?<![\w./^])(\d{1,9}) (\d{1,9})/(\d{1,9})(?![\w./^])")
_ANCHOR = r"(?:####|\banswer\b(?:\s+is)?\s*[:=]?)[\s*]*"
_END = r"""[\s.,!)\]"'*]*\Z"""
_FINAL = re.compile(
    # A number behind a word that announces it, or alone at the end; neither is a piece of a longer expression.
    rf"(?:{_ANCHOR}(?P<told>{{number}})(?![\w^{{{{]|\s*[-+*/^=\\])|(?<![-+*/^_,\\{{{{<>|&×·\d.])(?:^|[\s:(=])(?P<last>{{number}}){_END})".format(
        number=re.sub(r"\?P<\w+>", "?:", NUMBER.pattern)
    ),
    re.IGNORECASE | re.ASCII,
)


def math(response: str, question: Question, seconds: float = TIME_LIMIT) -> bool:
    """Tell whether the response is mathematically equal to the answer, by the `math-verify` package.

    What is judged is what stands behind the thinking, in the last `<answer>` if there is one. One line without words
    and equals signs is read as one LaTeX expression; in any other, `math-verify` looks for the final one. A number
    that stands alone at the end, or behind `####` or `answer:`, is final even where `math-verify` would read an
    earlier one; a box goes before both. A response that is the answer letter by letter is correct whether it can be
    read or not.

    Args:
        response: What the model wrote.
        question: What it was asked; its answer is LaTeX with or without dollar signs, or a number.
        seconds: The time limit.

    Returns:
        True if the two are equal; False if they are not, can't be read or take too long to compare.

    Raises:
        AntigradError: `math-verify` is not installed, or this is not the main thread, whose signals the
            time limit needs.

    Example:
        >>> math("It is $0.5$.", Question(id="1", question="1 / 2 =", answer="1/2"))
        True
    """
    if exact(response, question):
        return True
    package = _math_verify()
    gold_text, text = readable(question.answer), readable(answer_part(response))

    def equal() -> bool:
        gold = _expressions(package, gold_text, whole=not re.search(r"\$|\\[(\[]|\\boxed", gold_text))
        final = boxed(text) if r"\boxed{" in text else final_number(text)
        if final is not None and _LIST.search(text):
            final = None
        whole = final is not None or not _PROSE.search(text.strip())
        given = _expressions(package, text if final is None else final, whole=whole)
        return bool(package.verify(gold, given, timeout_seconds=None))

    return within(seconds, equal)


def readable(text: str) -> str:
    r"""Write numbers as math-verify reads them.

    Args:
        text: A text.

    Returns:
        It in one form (see `writing`), with decimals for decimal exponents, whose `e` would be Euler's number, and
        mixed numbers as one fraction.

    Example:
        >>> readable("1e-3 and 1 1/2, not 2e^3")
        '0.001 and 3/2, not 2e^3'
    """
    text = _EXPONENT.sub(_decimal, _GROUPED.sub("", plain(text)))
    return _MIXED.sub(_improper, text)


def final_number(text: str) -> str | None:
    """Find a number that is a response's last word, though not all of it.

    Args:
        text: As `readable` gives it.

    Returns:
        The number as it is written; None if the response does not end so.

    Example:
        >>> final_number("6+9=15. Answer:16"), final_number("6+9=15 (16)"), final_number("it is x^2+1")
        ('16', '16', None)
    """
    found = [*_FINAL.finditer(text)] if _PROSE.search(text) or "(" in text else []
    if not found or re.search(r"[=$\\]", text[found[-1].end() :]):  # more mathematics follows
        return None
    return found[-1]["told"] or found[-1]["last"]


def _decimal(found: re.Match[str]) -> str:
    whole, part, power = found[1], found[2] or "", int(found[3])
    if not whole and not part:
        return found[0]
    digits = (whole + part).lstrip("0") or "0"
    place = len(whole) + power - (len(whole + part) - len(digits))  # of the point among the digits
    if place <= 0:
        return "0." + "0" * -place + digits
    return digits[:place].ljust(place, "0") + ("." + digits[place:] if digits[place:] else "")


def _improper(found: re.Match[str]) -> str:
    whole, part, of = (int(found[group]) for group in (1, 2, 3))
    return f"{whole * of + part}/{of}" if part < of else found[0]


@lru_cache
def _math_verify() -> ModuleType:
    try:
        import math_verify
    except ImportError as error:
        raise AntigradError(
            "verifier 'math'", "the package math-verify", "pip install 'antigrad[posttraining]'"
        ) from error
    # It warns once that its own time limit is off. Ours is on: it covers reading and comparing together.
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    return math_verify


def _expressions(package: ModuleType, text: str, whole: bool) -> list[Any]:
    """Return the expressions in a text, read as one piece of LaTeX first if `whole`, last if not."""
    latex, plain_too = (
        [package.LatexExtractionConfig()],
        [
            package.LatexExtractionConfig(),
            package.ExprExtractionConfig(),
        ],
    )
    readings = [("$" + _POWER.sub(r"^{\1}", text) + "$", latex), (text, plain_too)]
    # No fall-back to strings: a text that can't be read is not mathematically equal to anything.
    found = (
        package.parse(reading, kinds, fallback_mode="no_fallback", parsing_timeout=None)
        for reading, kinds in (readings if whole else reversed(readings))
    )
    return next(filter(None, found), [])
