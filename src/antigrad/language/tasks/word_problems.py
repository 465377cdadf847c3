"""One-step word problems, whose worked answers have their reasoning and their final answer apart.

A question gives a count and a change of it, `Tom has 8 pens and gets 5 more. How many pens does Tom
have now?`, and its worked answer is `Tom has 8 + 5 = 13 pens. The answer is 13.` A small chat model
that has seen a few of them solves about half, and its wrong answers share most of their words with
the right ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from antigrad.language.tasks.arithmetic import Problem

NAMES = ("Tom", "Anna", "Ben", "Mia", "Sam", "Lucy", "Max", "Ella")
THINGS = ("apples", "books", "coins", "pens", "stamps", "shells", "cards", "eggs")


def word_problems(seed: int | str) -> Iterator[Problem]:
    """Draw word problems without end, half of them sums and half differences, of numbers below 19.

    Args:
        seed: Decides which.

    Yields:
        Problems, some twice: there are 7,168 questions.

    Example:
        >>> next(word_problems(1)).worked
        'Lucy has 9 + 5 = 14 cards. The answer is 14.'
    """
    dice = random.Random(f"word problems {seed}")
    while True:
        name, thing = dice.choice(NAMES), dice.choice(THINGS)
        left, change, gets = dice.randint(3, 9), dice.randint(2, 9), dice.random() < 0.5
        start, total = (left, left + change) if gets else (left + change, left)
        what, sign = (f"gets {change} more", "+") if gets else (f"gives away {change}", "-")
        question = f"{name} has {start} {thing} and {what}. How many {thing} does {name} have now?"
        yield Problem(question, f"{name} has {start} {sign} {change} = {total} {thing}. The answer is {total}.", total)
