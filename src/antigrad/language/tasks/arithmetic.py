"""Short arithmetic questions and their worked answers, for the tiny policy.

A question is an expression of three operations that ends with an equals sign, `12+37-25+48=`. Its
worked answer continues with that chain of equalities, one operation a link, down to a number:
`12+12+48=24+48=72`. The operations may be done in any order that keeps the leading number from
going below zero, so one question has several right answers, and one wrong digit in a link spoils
the rest. The last number of a response is what it claims.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from math import prod
from typing import Literal, NamedTuple, get_args

from antigrad.core.errors import did_you_mean, raise_all

Split = Literal["train", "test"]
Term = tuple[int, ...]
"""Factors of one term of a sum; the sign of the term is the sign of its first factor."""


class Problem(NamedTuple):
    """A question, one worked answer to it, and the number it ends with."""

    question: str
    worked: str
    answer: int


def questions(n: int, seed: int, split: Split) -> list[Problem]:
    """Draw distinct questions with a worked answer each.

    Half of the questions add and subtract four numbers below 100; the other half have a product of two
    digits and two numbers below 100. Answers are not negative. With the token that ends it, a worked
    answer has 12 to 22 characters.

    Args:
        n: How many.
        seed: Questions of one seed and split are always the same, and those for a smaller `n` are
            the first of those for a larger one.
        split: A question belongs to `test` if the SHA-256 hash of its text starts with a byte below
            26 (about one in ten), else to `train`. So no question is in both, whatever the seeds.

    Returns:
        `n` problems.

    Raises:
        ManyInputsError: `n` is negative, or there is no such split.

    Example:
        >>> questions(2, seed=0, split="test")[1]
        Problem(question='52-4*4+76=', worked='52-16+76=36+76=112', answer=112)
    """
    problems = [f"n={n}: not negative"] if n < 0 else []
    if split not in get_args(Split):
        problems.append(f"split={split!r}: {did_you_mean(split, get_args(Split))}")
    raise_all("questions", problems)
    return list(islice(_stream(random.Random(f"arithmetic {split} {seed}"), split), n))


def split_of(question: str) -> Split:
    """Say which split a question belongs to, by its hash.

    Args:
        question: Its text, with the equals sign.

    Returns:
        The split.

    Example:
        >>> split_of("12+37-25+48=")
        'test'
    """
    return "test" if sha256(question.encode()).digest()[0] < 26 else "train"


def _stream(rng: random.Random, split: Split) -> Iterator[Problem]:
    seen: set[str] = set()
    while True:
        terms = _draw(rng)
        question, answer = _text(terms) + "=", sum(map(prod, terms))
        if answer >= 0 and split_of(question) == split and question not in seen:
            seen.add(question)
            yield Problem(question, _work(terms, rng), answer)


def _draw(rng: random.Random) -> list[Term]:
    """Draw a sum of four numbers, or of a product and two numbers.

    Returns:
        Its terms; the first one is positive.
    """
    has_product = rng.random() < 0.5
    terms: list[Term] = [(rng.randint(1, 99),) for _ in range(2 if has_product else 4)]
    if has_product:
        terms.insert(rng.randrange(3), (rng.randint(2, 9), rng.randint(2, 9)))
    return [terms[0], *((rng.choice((1, -1)) * first, *rest) for first, *rest in terms[1:])]


def _work(terms: list[Term], rng: random.Random) -> str:
    """Do the operations in a random order.

    Args:
        terms: Terms of a question.
        rng: Decides the order.

    Returns:
        The chain of equalities, from what is left after one operation to the number.
    """
    links: list[str] = []
    while terms != [(sum(map(prod, terms)),)]:
        terms = rng.choice(list(_one_operation(terms)))
        links.append(_text(terms))
    return "=".join(links)


def _one_operation(terms: list[Term]) -> Iterator[list[Term]]:
    """Find every way to do one operation: evaluate a product, or merge two neighbouring plain terms.

    Args:
        terms: Terms of a question, or what is left of them.

    Yields:
        What is left after the operation; its first term is not negative.
    """
    for i, term in enumerate(terms):
        if len(term) == 2:
            yield [*terms[:i], (prod(term),), *terms[i + 1 :]]
        elif i + 1 < len(terms) and len(terms[i + 1]) == 1:
            merged = term[0] + terms[i + 1][0]
            if i > 0 or merged >= 0:
                yield [*terms[:i], (merged,), *terms[i + 2 :]]


def _text(terms: list[Term]) -> str:
    return "".join(f"{first:+}" + "".join(f"*{factor}" for factor in rest) for first, *rest in terms).removeprefix("+")
