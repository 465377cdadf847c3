"""A bar on a terminal, nothing anywhere else."""

import io

import pytest
from rich.console import Console

from antigrad.core import progress


def test_silent_when_not_a_terminal() -> None:
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
