r"""Verifiers: pure functions that say whether a response answers a question.

| name | a response is correct if |
| --- | --- |
| `exact` | it is the answer, up to Unicode compatibility forms (NFKC) and white space |
| `last_number` | its last number (in the last `\boxed{}` if there is one) equals the answer's, exactly |
| `math` | the `math-verify` package finds it mathematically equal to the answer |
| `reasoning_gym` | the generator that made the question gives it the full score |

A response is written by a model, so it may be anything. None of these runs it as code, and the two
that hand it to a computer-algebra system do so under a time limit.
"""

from __future__ import annotations

import inspect
import logging
import re
import signal
import sys
import threading
import unicodedata
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from types import ModuleType
from typing import Any

from antigrad.core.errors import AntigradError, InputValueError, did_you_mean
from antigrad.language.tasks.question import Question

Verifier = Callable[[str, Question], bool]

FULL_SCORE = 1.0
"""Score of reasoning-gym from which a response counts as correct; its partial credit does not."""
TIME_LIMIT = 5.0
"""Seconds that judging one response may take; a response that takes longer is wrong."""

_MAGNITUDE = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+"
_NUMBER = re.compile(
    # A minus sign after a digit, a letter or a closing bracket subtracts: the last number of `10-3` is 3.
    rf"(?P<sign>(?<![\w)\]}}])-)?[$€£]?(?P<top>(?:{_MAGNITUDE})(?:[eE][-+]?[0-9]{{1,3}}(?![0-9]))?)"
    rf"(?:/(?P<bottom>{_MAGNITUDE}))?"
)
_LATEX = [(re.compile(r"\{,\}"), ","), (re.compile(r"\\[,!$]"), ""), (re.compile("\u2212"), "-")]
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2}|[=\n]")
_POWER = re.compile(r"\*\*\s*(-?\w+)")
_EVALUATES = re.compile(r"\b(?:eval|exec|sympify|parse_expr)\((?!entry\b|metadata\b)")
_PLAIN = re.compile(
    r"(?:[0-9\s+\-*/^(),.]|(?<![A-Za-z_])"
    r"(?:[A-Za-z_]|a?(?:sin|cos|tan)h?|exp|log|ln|sqrt|Abs|pi|Integral)(?![A-Za-z_])){0,1000}",
    re.ASCII,
)


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


def exact(response: str, question: Question) -> bool:
    """Tell whether the response is the answer, character by character, case included.

    Args:
        response: What the model wrote.
        question: What it was asked.

    Returns:
        True if both are equal after NFKC, with each run of white space as one space and none outside.

    Example:
        >>> from antigrad.language.tasks import Question
        >>> question = Question(id="1", question="Capital of France?", answer="Paris")
        >>> exact("  Paris ", question), exact("paris", question)
        (True, False)
    """
    return _normal(response) == _normal(question.answer)


def last_number(response: str, question: Question) -> bool:
    r"""Tell whether the last number of the response is the answer's, as exact rational numbers.

    A number may have a sign, a currency sign, thousands separators, decimals, a decimal exponent and a
    denominator: `-3`, `$1,234.50`, `1e3`, `1/2`, `\frac{1}{2}`. Only the last `\boxed{}` is read if
    there is one. Mixed numbers (`1 1/2`) and powers (`10^3`) are not put together, `50%` reads as 50,
    and a minus sign has to touch its number.

    Args:
        response: What the model wrote.
        question: What it was asked; the last number of its answer is what counts.

    Returns:
        True if both numbers are equal; False if either has none.

    Example:
        >>> from antigrad.language.tasks import Question
        >>> question = Question(id="1", question="6 * 3 =", answer="18")
        >>> last_number("She makes 9 * 2 = $18.00.", question), last_number("18 or 19", question)
        (True, False)
    """
    given = _last_number(response)
    return given is not None and given == _last_number(question.answer)


def math(response: str, question: Question, seconds: float = TIME_LIMIT) -> bool:
    """Tell whether the response is mathematically equal to the answer, by the `math-verify` package.

    One line without words and equals signs is read as one LaTeX expression; in any other response,
    `math-verify` looks for the final one. A response that is the answer letter by letter is correct
    whether it can be read or not.

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
        >>> from antigrad.language.tasks import Question
        >>> math("It is $0.5$.", Question(id="1", question="1 / 2 =", answer="1/2"))
        True
    """
    if exact(response, question):
        return True
    package = _math_verify()

    def equal() -> bool:
        gold = _expressions(package, question.answer, whole=not re.search(r"\$|\\[(\[]|\\boxed", question.answer))
        given = _expressions(package, response, whole=not _PROSE.search(response.strip()))
        return bool(package.verify(gold, given, timeout_seconds=None))

    return _within(seconds, equal)


def reasoning_gym(response: str, question: Question) -> bool:
    """Tell whether the generator that made the question gives the response its full score.

    What is scored is the last `<answer>...</answer>` of the response, or all of it if there is none,
    without white space around it. Some generators evaluate what they score as Python; they are given
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
    from reasoning_gym.utils import extract_answer

    answer = (extract_answer(response) or response).strip()

    def full_score() -> bool:
        try:
            return dataset.score_answer(answer, dict(entry)) >= FULL_SCORE
        except Exception:  # Some scorers raise on what they can't read.
            return False

    if not _evaluates(type(dataset)):
        return full_score()
    return _within(TIME_LIMIT, full_score) if _PLAIN.fullmatch(answer) else answer == question.answer


VERIFIERS: dict[str, Verifier] = {
    "exact": exact,
    "last_number": last_number,
    "math": math,
    "reasoning_gym": reasoning_gym,
}


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _last_number(text: str) -> Fraction | None:
    _, boxed, inside = text.rpartition(r"\boxed{")
    text = _until_closed(inside) if boxed else text
    for pattern, plain in _LATEX:
        text = pattern.sub(plain, text)
    found = None
    for found in _NUMBER.finditer(_FRACTION.sub(r"\1/\2", text)):  # noqa: B007
        pass
    if found is None or len(found[0]) > 1000:  # Python refuses to read integers of some thousand digits.
        return None
    top, bottom = (Fraction((found[part] or "1").replace(",", "")) for part in ("top", "bottom"))
    return (-top if found["sign"] else top) / bottom if bottom else None


def _until_closed(text: str) -> str:
    """Return what stands before the brace that closes one opened just before the text."""
    depth = 1
    for place, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            return text[:place]
    return text


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
    latex, plain = [package.LatexExtractionConfig()], [package.LatexExtractionConfig(), package.ExprExtractionConfig()]
    readings = [("$" + _POWER.sub(r"^{\1}", text) + "$", latex), (text, plain)]
    # No fall-back to strings: a text that can't be read is not mathematically equal to anything.
    found = (
        package.parse(reading, kinds, fallback_mode="no_fallback", parsing_timeout=None)
        for reading, kinds in (readings if whole else reversed(readings))
    )
    return next(filter(None, found), [])


@lru_cache
def _evaluates(generator: type[Any]) -> bool:
    """Return whether a generator's scorer runs the response as Python, directly or through SymPy's parser."""
    try:
        return bool(_EVALUATES.search(inspect.getsource(generator.score_answer)))
    except OSError:  # No source, no trust.
        return True


class _OutOfTime(BaseException):
    """Passes through the `except Exception` of the code that is timed."""


def _within(seconds: float, judge: Callable[[], bool]) -> bool:
    """Judge under a time limit.

    Args:
        seconds: The limit.
        judge: What may take too long.

    Returns:
        The verdict; False when it took too long.

    Raises:
        AntigradError: This is not the main thread, the only one that signals reach.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        raise AntigradError(
            f"a time-limited verifier in thread {threading.current_thread().name!r}",
            "the main thread of a POSIX process",
            "verify there, or choose the verifier 'last_number' or 'exact'",
        )

    def stop(*_: object) -> None:
        raise _OutOfTime

    def unheard(report: sys.UnraisableHookArgs) -> None:
        # Rung inside a finalizer or a callback of the garbage collector, which can't raise it.
        if report.exc_type is not _OutOfTime:
            hook(report)

    hook, handler = sys.unraisablehook, signal.signal(signal.SIGALRM, stop)
    sys.unraisablehook = unheard
    # Rings again, in case nobody heard it or a bare `except` swallowed it.
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        return judge()
    except _OutOfTime:
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
        sys.unraisablehook = hook
