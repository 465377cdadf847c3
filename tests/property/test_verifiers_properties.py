"""What holds of every response: the true answer is right in any writing, another one is not, nothing crashes."""

import time
import unicodedata
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from antigrad.language.tasks import Question, Task
from antigrad.language.tasks.verifiers import exact, last_number, math
from antigrad.language.tasks.verifiers.answers import answer_part
from antigrad.language.tasks.verifiers.mathematics import final_number, readable

decimals = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
prose = st.text(st.characters(blacklist_categories=["Nd", "No", "Nl", "Cs"], blacklist_characters="\\{}$-−.,/"))


def asked(answer: object) -> Question:
    return Question(id="1", question="?", answer=str(answer))


@given(decimals, prose, prose)
def test_last_number_finds_the_number_in_any_writing(number: Decimal, before: str, after: str) -> None:
    for written in (f"{number}", f"{number:,}", f"{number:.5f}", f"{number}.", rf"\boxed{{{number}}}", f"**{number}**"):
        assert last_number(f"{before} {written} {after}", asked(number)), written


@given(decimals, decimals, prose)
def test_last_number_is_equality_of_numbers(one: Decimal, other: Decimal, before: str) -> None:
    assert last_number(f"{other} {before} {one}", asked(other)) == (one == other)


@given(st.integers(-999, 999), st.integers(1, 999), st.integers(1, 9))
def test_last_number_reduces_fractions(top: int, bottom: int, factor: int) -> None:
    assert last_number(f"{top * factor}/{bottom * factor}", asked(f"{top}/{bottom}"))
    assert last_number(f"{top}/{bottom}", asked(f"{top + 1}/{bottom}")) is False
    assert last_number(f"{top}/{bottom}", asked(top)) == (Fraction(top, bottom) == top)


@given(st.text(), st.text())
def test_the_cheap_verifiers_take_any_text(response: str, answer: str) -> None:
    assert isinstance(last_number(response, asked(answer)), bool)
    assert exact(response, asked(answer)) == exact(answer, asked(response))


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1))
def test_exact_ignores_form_and_white_space_only(text: str) -> None:
    assert exact(unicodedata.normalize("NFKD", text), asked(text))
    assert exact(f"\n{text}  ", asked(text))
    assert not exact(f"{text}x", asked(text))


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_math_is_equality_of_numbers(one: int, other: int) -> None:
    assert math(f"The answer is {one}", asked(other)) == (one == other)
    assert math(rf"\boxed{{{one}}}", asked(f"{one}.0"))


@given(st.text(max_size=40))
def test_math_takes_any_text(response: str) -> None:
    assert math(response, asked("123456789.5"), seconds=1.0) is False


@given(st.text(), st.integers(0, 99), st.text())
def test_nothing_after_the_stop_counts(before: str, number: int, after: str) -> None:
    assume("\n" not in before)
    task = Task("t", (), "last_number", "raw", (), "{question} {answer}", "\n", "\n")
    assert task.correct(f"{before}\n{after}", asked(number)) == task.correct(before, asked(number))
    assert task.correct(f"{before} {number}\n{after}", asked(number))


@given(st.text(), st.text(), st.text())
def test_prompts_take_any_text(question: str, shot: str, answer: str) -> None:
    task = Task("t", (), "exact", "raw", ((shot, answer),), "Q: {question}\nA: {answer}", "\n\n", None)
    prompt = task.prompt(Question(id="1", question=question, answer="a"), tokenizer=None)
    assert prompt == f"Q: {shot}\nA: {answer}\n\nQ: {question}\nA:"


PIECES = ("<answer>", "<answer>1", "<answer>1</answer>", "<think>", "answer: ", "####", "\\boxed{", "1 ", "1,", "1 1/")


@pytest.mark.parametrize("piece", PIECES)
def test_reading_a_response_takes_time_in_proportion_to_its_length(piece: str) -> None:
    """A square law would take 64 times as long for 8 times as much."""

    def seconds(count: int) -> float:
        text, times = piece * count, list[float]()
        for _ in range(3):
            start = time.process_time()
            last_number(text, asked(16))
            final_number(readable(answer_part(text)))
            times.append(time.process_time() - start)
        return min(times)

    assert seconds(32_000) < 24 * max(seconds(4_000), 1e-3)
