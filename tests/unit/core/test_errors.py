"""Errors say what was given, what was expected and what to do."""

import copy
import pickle

import pytest

from antigrad.core import AntigradError, InputTypeError, InputValueError, ManyInputsError
from antigrad.core.errors import did_you_mean, raise_all


def test_message_has_three_parts() -> None:
    error = AntigradError("rollouts=1", "at least 2", "raise --rollouts")
    assert str(error) == "given: rollouts=1; expected: at least 2; try: raise --rollouts"
    assert (error.given, error.expected, error.hint) == ("rollouts=1", "at least 2", "raise --rollouts")


@pytest.mark.parametrize(("kind", "builtin"), [(InputValueError, ValueError), (InputTypeError, TypeError)])
def test_input_errors_are_the_builtin_ones_too(kind: type[AntigradError], builtin: type[Exception]) -> None:
    with pytest.raises(builtin, match="given: a; expected: b; try: c"):
        raise kind("a", "b", "c")
    assert issubclass(kind, AntigradError)


def test_many_problems_come_in_one_error_numbered() -> None:
    with pytest.raises(ManyInputsError) as caught:
        raise_all("config", ["first", "second"])
    assert str(caught.value) == "config: 2 problems\n  1. first\n  2. second"
    assert caught.value.problems == ["first", "second"]
    assert str(ManyInputsError("config", ["only"])) == "config: 1 problem\n  1. only"


def test_no_problem_no_error() -> None:
    raise_all("config", [])


def test_suggestions() -> None:
    assert did_you_mean("nhtr", ["vpo", "nthr"]) == "did you mean 'nthr'? known: nthr, vpo"
    assert did_you_mean("zzzz", ["vpo", "nthr"]) == "known: nthr, vpo"
    assert did_you_mean("zzzz", []) == "none are known"


@pytest.mark.parametrize(
    "error",
    [
        AntigradError("rollouts=1", "at least 2", "raise --rollouts"),
        InputValueError("x", "y", "z"),
        InputTypeError("x", "y", "z"),
        ManyInputsError("diagnose", ["rollouts=1: at least 2", "steps is empty"]),
    ],
)
def test_an_error_is_the_same_in_another_process(error: AntigradError) -> None:
    """Python pickles the message alone, from which a class made of three texts can't be made again."""
    error.add_note("in a worker")
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(again) is type(error) and str(again) == str(error) and again.__notes__ == ["in a worker"]
        assert (again.given, again.expected, again.hint) == (error.given, error.expected, error.hint)
        assert getattr(again, "problems", None) == getattr(error, "problems", None)
