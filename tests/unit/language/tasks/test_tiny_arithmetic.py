"""Questions of the tiny policy against Python's own arithmetic."""

import re
from hashlib import sha256
from random import Random

import pytest

from antigrad.core.errors import AntigradError
from antigrad.language.tasks.arithmetic import Problem, _work, questions, split_of

PROBLEMS = questions(3000, seed=11, split="train") + questions(1000, seed=11, split="test")
EXPRESSION = re.compile(r"[0-9]+(?:[-+*][0-9]+)*")


def value(expression: str) -> int:
    assert EXPRESSION.fullmatch(expression), expression
    return eval(expression)


def operations(expression: str) -> int:
    return len(re.findall(r"[-+*]", expression))


def test_every_link_of_a_worked_answer_equals_the_answer() -> None:
    for problem in PROBLEMS:
        links = (problem.question + problem.worked).split("=")
        assert {value(link) for link in links} == {problem.answer}
        assert problem.worked.endswith(f"={problem.answer}")


def test_every_link_does_one_operation() -> None:
    for problem in PROBLEMS:
        links = (problem.question + problem.worked).split("=")
        assert [operations(link) for link in links] == [3, 2, 1, 0]


def test_answers_are_not_negative_and_have_ten_to_thirty_tokens() -> None:
    assert min(problem.answer for problem in PROBLEMS) >= 0
    lengths = [len(problem.worked) + 1 for problem in PROBLEMS]
    assert min(lengths) >= 12 and max(lengths) <= 22
    assert max(len(problem.question) for problem in PROBLEMS) <= 12


def test_half_of_the_questions_have_a_product() -> None:
    share = sum("*" in problem.question for problem in PROBLEMS) / len(PROBLEMS)
    assert abs(share - 0.5) < 4 * 0.5 / len(PROBLEMS) ** 0.5


def test_the_operations_come_in_every_order() -> None:
    terms = [(12,), (37,), (-25,), (48,)]
    assert {_work(terms, Random(seed)) for seed in range(100)} == {
        "49-25+48=24+48=72",
        "49-25+48=49+23=72",
        "12+12+48=24+48=72",
        "12+12+48=12+60=72",
        "12+37+23=49+23=72",
        "12+37+23=12+60=72",
    }


def test_a_product_comes_before_what_it_is_added_to() -> None:
    works = {_work([(40,), (-7, 5), (17,)], Random(seed)) for seed in range(50)}
    assert works == {"40-35+17=5+17=22", "40-35+17=40-18=22"}


def test_no_link_begins_with_a_minus_sign() -> None:
    assert {_work([(12,), (-37,), (48,)], Random(seed)) for seed in range(20)} == {"12+11=23"}


def test_splits_share_no_question() -> None:
    train = {problem.question for seed in range(3) for problem in questions(2000, seed, "train")}
    test = {problem.question for seed in range(3) for problem in questions(2000, seed, "test")}
    assert not train & test
    assert all(sha256(question.encode()).digest()[0] < 26 for question in test)
    assert {split_of(question) for question in train} == {"train"}


def test_questions_are_distinct_and_a_prefix_of_a_longer_draw() -> None:
    long = questions(300, seed=4, split="train")
    assert len({problem.question for problem in long}) == 300
    assert questions(50, seed=4, split="train") == long[:50]
    assert questions(50, seed=5, split="train") != long[:50]


def test_questions_are_the_same_on_every_machine() -> None:
    assert questions(1, seed=0, split="train") == [Problem("5*4+21-13=", "5*4+8=20+8=28", 28)]


def test_all_problems_of_a_call_are_named() -> None:
    with pytest.raises(AntigradError, match=r"(?s)n=-1.*did you mean 'test'"):
        questions(-1, seed=0, split="tets")  # pyright: ignore[reportArgumentType]
