"""A bar on a terminal, a line every so often anywhere else."""

import io

import pytest
from rich.console import Console

from antigrad.core import progress
from antigrad.core.progress import within


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


def test_a_unit_that_takes_long_moves_the_bar_and_says_lines() -> None:
    out, now = io.StringIO(), iter([0.0, 10.0, 40.0, 50.0, 80.0])
    with progress("pictures", total=1, console=Console(file=out), clock=lambda: next(now)):
        within(0.1, "saliency")
        within(0.5, "smoothgrad")
        within(0.6, "vargrad")
        within(0.8, "blur_ig")
    assert out.getvalue().splitlines() == [
        "pictures 0/1 and 50%, 0:00:40 so far, about 0:00:40 left: smoothgrad",
        "pictures 0/1 and 80%, 0:01:20 so far, about 0:00:20 left: blur_ig",
    ]
    out = io.StringIO()
    with progress("pictures", total=2, console=Console(file=out, force_terminal=True, width=100)) as task:
        within(0.5, "half of the first")
        assert task._bar.tasks[0].completed == 0.5  # type: ignore[attr-defined]
        task.advance()
        assert task._bar.tasks[0].completed == 1  # type: ignore[attr-defined]
        within(0.25)
        assert task._bar.tasks[0].percentage == 62.5  # type: ignore[attr-defined]


def test_work_within_a_unit_moves_the_innermost_bar_and_none_after_it_is_closed() -> None:
    out = io.StringIO()
    outer, inner = (iter(float(60 * count) for count in range(9)) for _ in range(2))
    within(0.5)  # nothing is shown, nothing happens
    with progress("outer", total=1, console=Console(file=out), clock=lambda: next(outer)):
        with progress("inner", total=2, console=Console(file=out), clock=lambda: next(inner)):
            within(0.5)
        within(0.75)
    within(0.5)
    assert [line.partition(",")[0] for line in out.getvalue().splitlines()] == [
        "inner 0/2 and 50%",
        "outer 0/1 and 75%",
    ]


def test_a_bar_within_a_bar_on_a_terminal() -> None:
    """Rounds of a training sample answers while its steps are shown."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with progress("steps", total=1, console=console) as outer:
        with progress("sampling", total=1, console=console) as inner:
            inner.advance()
        outer.advance()
