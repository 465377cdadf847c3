"""Candidates for the default task of the preflight: short answers that share most of their way, right or wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from antigrad.language.tasks import Question, Task, load_task

Draw = Callable[[random.Random], tuple[str, str, str]]
"""Draws a question, its worked answer, and what the verifier compares with."""

NAMES = ("Tom", "Anna", "Ben", "Mia", "Sam", "Lucy", "Max", "Ella")
THINGS = ("apples", "books", "coins", "pens", "stamps", "shells", "cards", "eggs")


@dataclass(frozen=True)
class Candidate:
    """A task that is tried.

    Args:
        name: In the table.
        shape: What a question and its answer look like.
        draw: A question; None for a task that the library has.
        verifier: Judges.
        style: `raw` or `chat`.
        shots: Worked examples.
        longest: Tokens of an answer at most.
        template: How an example is written in raw style.
    """

    name: str
    shape: str
    draw: Draw | None
    verifier: str = "last_number"
    style: Literal["raw", "chat"] = "raw"
    shots: int = 4
    longest: int = 40
    template: str = "{question} {answer}"

    def task(self, count: int, seed: int) -> Task:
        """Draw the questions; no worked example is asked.

        Args:
            count: Questions.
            seed: Of the questions.

        Returns:
            The task.
        """
        if self.draw is None:
            return load_task(self.name, count=count, seed=seed)
        shown, asked, dice = dict[str, str](), dict[str, Question](), random.Random(f"{self.name} {seed}")
        examples = random.Random(f"{self.name} examples")  # the same for every seed
        while len(shown) < self.shots:
            question, worked, _ = self.draw(examples)
            shown[question] = worked
        while len(asked) < count:
            question, _, answer = self.draw(dice)
            if question not in shown:
                asked.setdefault(question, Question(str(len(asked)), question, answer))
        separator, stop = ("\n\n", "\n\n") if "\n" in self.template else ("\n", "\n")
        task = Task(self.name, (), self.verifier, self.style, tuple(shown.items()), self.template, separator, stop)
        return replace(task, questions=tuple(asked.values()), stop=stop if self.style == "raw" else None)


def worked_sum(dice: random.Random) -> tuple[str, str, str]:
    """Draw a sum of three digits, done left to right.

    Args:
        dice: Decides.

    Returns:
        Question, worked answer, answer.
    """
    a, b, c = (dice.randint(2, 9) for _ in range(3))
    return f"{a} + {b} + {c} =", f"{a + b} + {c} = {a + b + c}", str(a + b + c)


def any_order(dice: random.Random) -> tuple[str, str, str]:
    """Draw the same sum, done from either end: a question has several right answers."""
    question, worked, answer = worked_sum(dice)
    a, b, c = (int(part) for part in question.removesuffix(" =").split(" + "))
    return question, dice.choice((worked, f"{a} + {b + c} = {a + b + c}")), answer


def by_place(dice: random.Random) -> tuple[str, str, str]:
    """Draw a sum of two two-digit numbers, tens and units apart."""
    a, b, x, y = dice.randint(1, 4), dice.randint(1, 4), dice.randint(1, 4), dice.randint(1, 5)
    worked = f"{10 * a} + {10 * b} + {x} + {y} = {10 * (a + b)} + {x + y} = {10 * (a + b) + x + y}"
    return f"{10 * a + x} + {10 * b + y} =", worked, str(10 * (a + b) + x + y)


def one_step(dice: random.Random) -> tuple[str, str, str]:
    """Draw a word problem of one operation."""
    name, thing = dice.choice(NAMES), dice.choice(THINGS)
    a, b, more = dice.randint(3, 9), dice.randint(2, 9), dice.random() < 0.5
    a = a if more else a + b
    move, total, sign = ("gets", a + b, "+") if more else ("gives away", a - b, "-")
    question = f"{name} has {a} {thing} and {move} {b}{' more' if more else ''}. How many {thing} does {name} have now?"
    return question, f"{name} has {a} {sign} {b} = {total} {thing}. The answer is {total}.", str(total)


def two_steps(dice: random.Random) -> tuple[str, str, str]:
    """Draw a word problem of two operations."""
    name, thing = dice.choice(NAMES), dice.choice(THINGS)
    a, b = dice.randint(3, 9), dice.randint(2, 9)
    c = dice.randint(1, 5)
    question = f"{name} has {a} {thing}, gets {b} more and gives away {c}. How many {thing} does {name} have now?"
    worked = f"First {name} has {a} + {b} = {a + b} {thing}. Then {name} has {a + b} - {c} = {a + b - c} {thing}."
    return question, f"{worked} The answer is {a + b - c}.", str(a + b - c)


def asked_product(dice: random.Random) -> tuple[str, str, str]:
    """Draw a product as one would ask it in a chat."""
    a, b = dice.randint(2, 9), dice.randint(2, 9)
    return f"What is {a} * {b}?", str(a * b), str(a * b)


def asked_sum(dice: random.Random) -> tuple[str, str, str]:
    """Draw a sum as one would ask it in a chat."""
    a, b = dice.randint(11, 29), dice.randint(2, 9)
    return f"What is {a} + {b}?", str(a + b), str(a + b)


def ordered(dice: random.Random) -> tuple[str, str, str]:
    """Draw five digits to be put in order."""
    digits = dice.sample(range(1, 10), 5)
    answer = " ".join(map(str, sorted(digits)))
    return f"{' '.join(map(str, digits))} ->", answer, answer


def counted(dice: random.Random) -> tuple[str, str, str]:
    """Draw a start and an end to count between, backwards and by two."""
    start, steps = dice.randint(12, 40), dice.randint(3, 5)
    answer = ", ".join(str(start - 2 * place) for place in range(steps + 1))
    return f"{start} down to {start - 2 * steps} by twos:", answer, answer


def as_record(dice: random.Random) -> tuple[str, str, str]:
    """Draw a sentence to be written as JSON."""
    name, thing, count, age = dice.choice(NAMES), dice.choice(THINGS), dice.randint(2, 30), dice.randint(18, 70)
    answer = f'{{"name": "{name}", "age": {age}, "{thing}": {count}}}'
    return f"{name} is {age} years old and owns {count} {thing}. ->", answer, answer


def as_query(dice: random.Random) -> tuple[str, str, str]:
    """Draw a question about a table, to be written as SQL."""
    what, thing, count = dice.choice(("name", "age", "city", "email")), dice.choice(THINGS), dice.randint(2, 30)
    sign, word = dice.choice(((">", "more than"), ("<", "fewer than"), ("=", "exactly")))
    answer = f"SELECT {what} FROM people WHERE {thing} {sign} {count};"
    return f"The {what} of all people with {word} {count} {thing} ->", answer, answer


MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November")


def as_date(dice: random.Random) -> tuple[str, str, str]:
    """Draw a date to be written as ISO 8601 has it."""
    year, month, day = dice.randint(1950, 2024), dice.randint(1, 11), dice.randint(1, 28)
    answer = f"{year}-{month:02d}-{day:02d}"
    return f"{MONTHS[month - 1]} {day}, {year} ->", answer, answer


def from_behind(dice: random.Random) -> tuple[str, str, str]:
    """Draw three names to be turned round."""
    names = dice.sample(NAMES, 3)
    answer = ", ".join(names[::-1])
    return f"{', '.join(names)} ->", answer, answer


FACTS = (
    ("How many days are in a week?", "There are 7 days in a week.", "7"),
    ("How many months are in a year?", "There are 12 months in a year.", "12"),
    ("How many legs does a spider have?", "A spider has 8 legs.", "8"),
    ("How many hours are in a day?", "There are 24 hours in a day.", "24"),
    ("How many minutes are in an hour?", "There are 60 minutes in an hour.", "60"),
    ("How many seconds are in a minute?", "There are 60 seconds in a minute.", "60"),
    ("How many legs does a dog have?", "A dog has 4 legs.", "4"),
    ("How many wheels does a bicycle have?", "A bicycle has 2 wheels.", "2"),
    ("How many sides does a triangle have?", "A triangle has 3 sides.", "3"),
    ("How many sides does a square have?", "A square has 4 sides.", "4"),
    ("How many continents are there?", "There are 7 continents.", "7"),
    ("How many letters are in the English alphabet?", "There are 26 letters in the English alphabet.", "26"),
    ("How many planets are in the solar system?", "There are 8 planets in the solar system.", "8"),
    ("How many states are in the United States?", "There are 50 states in the United States.", "50"),
    ("How many fingers does a person have?", "A person has 10 fingers.", "10"),
    ("How many weeks are in a year?", "There are 52 weeks in a year.", "52"),
    ("How many legs does an insect have?", "An insect has 6 legs.", "6"),
    ("How many eggs are in a dozen?", "There are 12 eggs in a dozen.", "12"),
    ("How many years are in a century?", "There are 100 years in a century.", "100"),
    ("How many strings does a violin have?", "A violin has 4 strings.", "4"),
    ("How many players are on a football team on the field?", "There are 11 players on the field.", "11"),
    ("How many sides does a hexagon have?", "A hexagon has 6 sides.", "6"),
    ("How many days are in a leap year?", "There are 366 days in a leap year.", "366"),
    ("How many arms does an octopus have?", "An octopus has 8 arms.", "8"),
)


def fact(dice: random.Random) -> tuple[str, str, str]:
    """Draw a fact that is a number; it can be said in many ways."""
    return dice.choice(FACTS)


PROBLEM = "Question: {question}\nAnswer: {answer}"
CANDIDATES = (
    Candidate("products", "`7 * 8 =` → `56`", None),
    Candidate("worked sums", "`3 + 4 + 2 =` → `7 + 2 = 9`", worked_sum),
    Candidate("worked sums, either order", "the same, or `3 + 6 = 9`", any_order),
    Candidate("sums by place", "`23 + 45 =` → `20 + 40 + 3 + 5 = 60 + 8 = 68`", by_place, shots=5),
    Candidate("word problems, one step", "`Tom has 3 + 4 = 7 apples. The answer is 7.`", one_step, template=PROBLEM),
    Candidate("word problems, two steps", "the same, with two sentences", two_steps, template=PROBLEM, longest=56),
    Candidate("product in a chat", "`What is 7 * 8?`, in the model's words", asked_product, style="chat", shots=0),
    Candidate("sum in a chat", "`What is 17 + 8?`, in the model's words", asked_sum, style="chat", shots=0),
    Candidate("word problem in a chat", "one step, in the model's words", one_step, style="chat", shots=0, longest=56),
    Candidate("word problems in a chat, shown", "one step, four shots as turns", one_step, style="chat"),
    Candidate("order five digits", "`5 2 9 1 4 ->` → `1 2 4 5 9`", ordered, "exact"),
    Candidate("count down by twos", "`20 down to 14 by twos:` → `20, 18, 16, 14`", counted, "exact"),
    Candidate("write JSON", '`{"name": "Tom", "age": 31, "pens": 4}`', as_record, "exact"),
    # Tried next, since the last one displaced: forms that are mostly given and solved most of the time.
    Candidate("write JSON in a chat, shown", "the same, four shots as turns", as_record, "exact", style="chat"),
    Candidate("write SQL", "`SELECT age FROM people WHERE pens > 4;`", as_query, "exact"),
    Candidate("write a date", "`March 5, 2021 ->` → `2021-03-05`", as_date, "exact"),
    Candidate("three names turned round", "`Tom, Anna, Ben ->` → `Ben, Anna, Tom`", from_behind, "exact"),
    # And, since groups with several right answers displaced: facts that can be said in many ways.
    Candidate(
        "facts in numbers", "`There are 7 days in a week.`, by four examples", fact, template=PROBLEM, longest=32
    ),
    Candidate(
        "facts in numbers in a chat",
        "`How many days are in a week?`, in the model's words",
        fact,
        style="chat",
        shots=0,
    ),
)
