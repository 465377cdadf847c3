"""Settings of the preflight: every fault, and all of them at once."""

import inspect
import math
from dataclasses import fields
from typing import Any

import pytest

from antigrad.core import ManyInputsError
from antigrad.posttraining.diagnose.settings import ARMS, DiagnoseConfig

WRONG: dict[str, tuple[Any, str]] = {
    "questions": (0, "at least 1"),
    "rollouts": (1, "at least 2"),
    "max_new_tokens": (0, "at least 1"),
    "top_k": (0, "at least 1"),
    "rows_at_once": (-3, "at least 1"),
    "seed": (-1, "at least 0"),
    "shots": (-1, "at least 0"),
    "threads": (0, "at least 1"),
    "temperature": (0.0, "above 0"),
    "epsilon": (math.nan, "finite"),
    "step_sizes": ([1e-5, -1e-5], "above 0"),
    "arms": (["none", "nhtr"], "did you mean 'nthr'?"),
    "optimizer": ("adamv", "did you mean 'adamw'?"),
    "vocabulary": ("ful", "did you mean 'full'?"),
    "advantages": ("samples", "did you mean 'sample'?"),
    "dtype": ("float23", "did you mean 'float32'?"),
    "style": ("chats", "did you mean 'chat'?"),
    "verifier": ("last_numbr", "did you mean 'last_number'?"),
}


def problems(**settings: Any) -> list[str]:
    with pytest.raises(ManyInputsError, match="settings of diagnose") as caught:
        DiagnoseConfig(**settings).check()
    return caught.value.problems


def test_the_defaults_are_accepted() -> None:
    DiagnoseConfig().check()
    assert len(DiagnoseConfig().step_sizes) == 2
    assert DiagnoseConfig().arms == list(ARMS)
    assert DiagnoseConfig().arms is not DiagnoseConfig().arms


@pytest.mark.parametrize("name", WRONG)
def test_each_fault_is_named_with_what_was_given_and_what_is_right(name: str) -> None:
    value, expected = WRONG[name]
    (problem,) = problems(**{name: value})
    assert expected in problem
    assert name in problem or str(value) in problem or "nhtr" in problem


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"temperature": -1.0},
        {"epsilon": math.inf},
        {"step_sizes": []},
        {"step_sizes": [math.nan]},
        {"step_sizes": [math.inf]},
        {"step_sizes": [0.0, 1e-6]},
        {"step_sizes": [1e-6, 1e-6]},
        {"arms": []},
        {"arms": ["none", "none"]},
        {"arms": ["nthr(beta=x)"]},
        {"arms": ["nthr(gamma=1)"]},
        {"arms": ["nthr(eta=2)"]},
        {"arms": ["nthr(beta=1"]},
        {"arms": [""]},
        {"arms": ["none(1)"]},
    ],
    ids=str,
)
def test_what_else_is_refused(settings: dict[str, Any]) -> None:
    assert len(problems(**settings)) == 1


def test_all_faults_are_told_at_once() -> None:
    given = {name: value for name, (value, _) in WRONG.items()} | {"arms": ["nhtr", "nnoe", "w_reinforce(x=1)"]}
    told = problems(**given)
    assert len(told) == len(WRONG) + 2
    for name, (_, expected) in WRONG.items():
        assert any(expected in problem for problem in told), name
    text = str(ManyInputsError("settings of diagnose", told))
    assert all(f"\n  {number + 1}. {problem}" in text for number, problem in enumerate(told))


def test_every_setting_is_documented() -> None:
    text = inspect.getdoc(DiagnoseConfig) or ""  # Python 3.13 leaves the indentation out of `__doc__`
    assert [field.name for field in fields(DiagnoseConfig) if f"\n    {field.name}: " not in text] == []
