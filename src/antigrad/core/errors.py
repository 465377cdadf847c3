"""Errors that tell a user what was given, what was expected and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_SHOWN = 20
"""Problems that one message lists; of a file whose every line is wrong the first ones say enough."""


class AntigradError(Exception):
    """An error caused by what was given, not by a fault of the program.

    Args:
        given: What was found, with enough of it to recognise.
        expected: What would have been right.
        hint: What to do next.

    Example:
        >>> print(AntigradError("rollouts=1", "at least 2", "raise --rollouts"))
        given: rollouts=1; expected: at least 2; to do: raise --rollouts
    """

    def __init__(self, given: str, expected: str, hint: str) -> None:
        self.given, self.expected, self.hint = given, expected, hint
        super().__init__(f"given: {given}; expected: {expected}; to do: {hint}")


class InputValueError(AntigradError, ValueError):
    """A value outside what a function accepts."""


class InputTypeError(AntigradError, TypeError):
    """A value of the wrong kind (shape, dtype, class)."""


class ManyInputsError(AntigradError):
    """Several problems found in one pass, so that a user can mend them all at once.

    Args:
        what: What was being read (a file, a configuration).
        problems: One sentence a problem, in the order they were found.

    Example:
        >>> print(ManyInputsError("diagnose", ["rollouts=1: at least 2", "steps is empty"]))
        diagnose: 2 problems
          1. rollouts=1: at least 2
          2. steps is empty
    """

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__(what, "none of the problems listed", "mend each line")
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        lines = [f"  {number}. {problem}" for number, problem in enumerate(self.problems[:_SHOWN], 1)]
        more = len(self.problems) - _SHOWN
        lines += [f"  … and {more} more"] if more > 0 else []
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
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    listed = f"known: {', '.join(names)}" if names else "none are known"
    return f"did you mean {near[0]!r}? {listed}" if near else listed
