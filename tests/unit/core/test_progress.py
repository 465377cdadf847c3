"""A bar on a terminal, a line every so often anywhere else."""

import io

import pytest
from rich.console import Console

from antigrad.core import progress


def test_short_work_says_nothing_without_a_terminal() -> None:
    out = io.StringIO()
    with progress("questions", total=3, done=1, console=Console(file=out)) as task:
        task.advance("one")
        task.advance()
    assert out.getvalue() == ""


def test_standard_output_stays_clean(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("questions", total=1) as task:
        task.advance()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_title_count_and_note() -> None:
    out = io.StringIO()
    with progress("questions", total=3, done=1, console=Console(file=out, force_terminal=True, width=100)) as task:
        task.advance("the second")
    shown = out.getvalue()
    assert "questions" in shown
    assert "2/3" in shown
    assert "the second" in shown


def test_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), progress("questions", total=1):
        raise ZeroDivisionError


def test_long_work_says_a_line_every_so_often_without_a_terminal() -> None:
    out, now = io.StringIO(), iter([0.0, 10.0, 40.0, 60.0, 100.0, 101.0])
    with progress("steps", total=8, done=3, console=Console(file=out), clock=lambda: next(now)) as task:
        for step in range(5):
            task.advance(f"reward {step}")
    assert out.getvalue().splitlines() == [
        "steps 5/8, 0:00:40 so far, about 0:01:00 left: reward 1",
        "steps 7/8, 0:01:40 so far, about 0:00:25 left: reward 3",
        "steps 8/8, 0:01:41 so far: reward 4",
    ]
