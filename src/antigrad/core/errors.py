"""Errors that tell a user what was given, what was expected and what to do next."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

SHOWN = 20
"""Problems that a message lists; the others go into a file."""
MOST = 2000
"""Characters of what was given that a message repeats whole."""
LISTED = 200
"""Known names that a hint lists."""


class AntigradError(Exception):
    """An error caused by what was given, not by a fault of the program.

    Args:
        given: What was found, with enough of it to recognise.
        expected: What would have been right.
        hint: What to do next.

    Example:
        >>> print(AntigradError("rollouts=1", "at least 2", "raise --rollouts"))
        given: rollouts=1; expected: at least 2; try: raise --rollouts
    """

    def __init__(self, given: str, expected: str, hint: str) -> None:
        self.given, self.expected, self.hint = shortened(given), shortened(expected), hint
        super().__init__(f"given: {self.given}; expected: {self.expected}; try: {hint}")

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is pickled as its class and message; this class is made of three texts, so that the usual way
        # fails in the process that reads it.
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[AntigradError], message: tuple[str, ...], texts: dict[str, Any]) -> AntigradError:
    error = kind.__new__(kind, *message)
    error.__dict__.update(texts)
    return error


class InputValueError(AntigradError, ValueError):
    """A value outside what a function accepts."""


class InputTypeError(AntigradError, TypeError):
    """A value of the wrong kind (shape, dtype, class)."""


class ManyInputsError(AntigradError):
    """Several problems found in one pass, so that a user can fix them all at once.

    Args:
        what: What was being read (a file, a configuration).
        problems: One sentence per problem, in the order they were found.

    Example:
        >>> print(ManyInputsError("diagnose", ["rollouts=1: at least 2", "steps is empty"]))
        diagnose: 2 problems
          1. rollouts=1: at least 2
          2. steps is empty
    """

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__(what, "none of the problems listed", "fix each line")
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        lines = [f"  {number}. {shortened(problem)}" for number, problem in enumerate(self.problems[:SHOWN], 1)]
        if len(self.problems) > SHOWN:
            lines.append(f"  … and {len(self.problems) - SHOWN:,} more{_kept(self.problems)}")
        self.args = ("\n".join([f"{what}: {count}", *lines]),)


def raise_all(what: str, problems: Sequence[str]) -> None:
    """Raise one `ManyInputsError` when there is at least one problem.

    Args:
        what: What was being checked.
        problems: The problems found; empty means all is well.

    Raises:
        ManyInputsError: If `problems` is not empty.

    Example:
        >>> raise_all("config", [])
    """
    if problems:
        raise ManyInputsError(what, problems)


def shortened(text: str, most: int = MOST) -> str:
    """Keep the beginning and the end of a long text: an echo has a bound.

    Args:
        text: Of any length.
        most: Characters that are shown whole.

    Returns:
        The text, or its ends with the number of characters between them.

    Example:
        >>> shortened("a" * 30, 20)
        'aaaaaaaaaaaaaaa … (10 characters) … aaaaa'
    """
    if len(text) <= most:
        return text
    head, tail = most * 3 // 4, most // 4
    return f"{text[:head]} … ({len(text) - head - tail:,} characters) … {text[-tail:]}"


def _kept(problems: Sequence[str]) -> str:
    # All of them in a file, where one can be written: an error must not fail of that.
    try:
        handle, name = tempfile.mkstemp(prefix="antigrad-problems-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.writelines(f"{number}. {problem}\n" for number, problem in enumerate(problems, 1))
    except OSError:
        return ""
    return f"; all are in {name}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Name the known word nearest to a mistyped one, and all the others.

    Args:
        word: What was typed.
        known: The words that would have been accepted.

    Returns:
        A sentence for the hint of an error.

    Example:
        >>> did_you_mean("nhtr", ["none", "nthr"])
        "did you mean 'nthr'? known: none, nthr"
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(word)[:200], names, n=1, cutoff=0.5)  # a key of YAML may be a number
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    listed = f"known: {', '.join(names[:LISTED])}{more}" if names else "none are known"
    return f"did you mean {near[0]!r}? {listed}" if near else listed
