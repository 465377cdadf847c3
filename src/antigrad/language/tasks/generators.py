"""Questions that are generated: reasoning-gym, presets of it, word problems, and the tiny policy's arithmetic."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields, replace
from itertools import count, islice
from typing import Any

from antigrad.core.catalog import parse_spec
from antigrad.core.errors import AntigradError, InputValueError, did_you_mean, raise_all
from antigrad.language.tasks.question import Question, Shot
from antigrad.language.tasks.task import Source, Wish
from antigrad.language.tasks.verifiers.gym import TRIED, accepted_nonsense

_SIZE = 5000
"""Virtual size of a generator. Most go on beyond it; some prepare so many questions at the start."""
_EXAMPLES = 4
"""Of word problems."""
_SEED_STEP = 1_000_003
"""Many generators draw question i from seed + i, so neighbouring seeds are moved apart."""


@dataclass(frozen=True)
class Preset:
    """A reasoning-gym generator whose questions are rewritten as bare expressions, `7 * 8 =`.

    Args:
        generator: Its name; its entries carry the expression.
        options: Its options.
        shots: The worked examples.
    """

    generator: str
    options: dict[str, Any]
    shots: tuple[Shot, ...]


PRESETS = {
    "products": Preset(
        "products",
        {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1},
        (("2 * 4 =", "8"), ("3 * 5 =", "15"), ("7 * 6 =", "42")),
    ),
    "sums": Preset(
        "chain_sum",
        {"min_terms": 2, "max_terms": 2, "min_digits": 2, "max_digits": 2},
        (("23 + 45 =", "68"), ("80 - 34 =", "46"), ("57 + 36 =", "93")),
    ),
}
"""The built-in tasks. A new one is one entry."""


def preset(name: str) -> Source:
    """Set up a built-in task.

    Args:
        name: One of `PRESETS`.

    Returns:
        The source, in raw style with the preset's worked examples.
    """
    chosen = PRESETS[name]

    def draw(wish: Wish) -> tuple[tuple[Shot, ...], tuple[Question, ...]]:
        if wish.shots > len(chosen.shots):
            raise InputValueError(
                f"shots={wish.shots}", f"at most {len(chosen.shots)} for {name}", "lower it, or use your own file"
            )
        bare = (
            replace(question, question=f"{question.entry['metadata']['expression']} =")
            for question in _questions(chosen.generator, chosen.options, wish.seed)
            if question.entry
        )
        # No worked example is ever asked, shown or not: so the questions don't depend on how many are shown.
        asked = _distinct(bare, wish.count, {question for question, _ in chosen.shots}, name)
        return chosen.shots[: wish.shots], _accepted(asked, wish, name)

    template, shots = "{question} {answer}", len(chosen.shots)
    return Source(draw, "last_number", "raw", shots=shots, template=template, separator="\n", stop="\n")


def reasoning_gym(spec: str) -> Source:
    """Set up a generator of the package reasoning-gym.

    In chat style the system prompt is reasoning-gym's own that asks for `<answer>` tags. Questions are
    the same for the same options, count and seed; with a few generators, only in the same process,
    because their choices follow Python's string hashing (fix it with `PYTHONHASHSEED`).

    Args:
        spec: `chain_sum` or `chain_sum(min_terms=2,max_terms=2)`: its name and options.

    Returns:
        The source; worked examples are generated too, and not asked.
    """
    name, options = parse_spec(spec)
    _check(name, options)

    def draw(wish: Wish) -> tuple[tuple[Shot, ...], tuple[Question, ...]]:
        from reasoning_gym.utils import SYSTEM_PROMPTS

        found = _distinct(_questions(name, options, wish.seed), wish.shots + wish.count, (), name)
        if wish.shots and not all(question.answer for question in found):
            raise InputValueError(
                f"shots={wish.shots}", f"0: {name} gives no answers that could be shown", "set shots to 0"
            )
        if wish.verifier == "reasoning_gym":
            _refuse_nonsense(name, [*found, *islice(_questions(name, options, wish.seed), TRIED)])
        system = SYSTEM_PROMPTS["direct"] if wish.style == "chat" else None
        asked = [replace(question, system=system) for question in found[wish.shots :]]
        shots = tuple((question.question, question.answer) for question in found[: wish.shots])
        return shots, _accepted(asked, wish, name)

    return Source(draw, verifier="reasoning_gym", style="chat")


def tiny_arithmetic(options: dict[str, Any]) -> Source:
    """Set up the arithmetic that the tiny policy was trained on.

    Args:
        options: `split` is `test` unless it says `train`.

    Returns:
        The source, in raw style.

    Raises:
        InputValueError: There is another option.
    """
    for key in options:
        if key != "split":
            raise InputValueError(f"option {key!r} of tiny_arithmetic", "an option it has", "known: split")

    def draw(wish: Wish) -> tuple[tuple[Shot, ...], tuple[Question, ...]]:
        from antigrad.language.tasks.arithmetic import questions

        drawn = questions(wish.shots + wish.count, seed=wish.seed, split=options.get("split", "test"))
        shots = tuple((problem.question, problem.worked) for problem in drawn[: wish.shots])
        asked = [
            Question(str(index), problem.question, str(problem.answer))
            for index, problem in enumerate(drawn[wish.shots :])
        ]
        return shots, _accepted(asked, wish, "tiny_arithmetic")

    return Source(draw, "last_number", "raw", template="{question}{answer}", separator="\n", stop="\n")


def worked_problems() -> Source:
    """Set up one-step word problems.

    Returns:
        The source, in chat style with two worked examples, which are the same whatever the seed and never asked; two
        more can be shown.
    """
    from antigrad.language.tasks.word_problems import word_problems

    examples = list(islice(word_problems("examples"), _EXAMPLES))

    def draw(wish: Wish) -> tuple[tuple[Shot, ...], tuple[Question, ...]]:
        if wish.shots > _EXAMPLES:
            raise InputValueError(
                f"shots={wish.shots}", f"at most {_EXAMPLES} for word_problems", "lower it, or use your own file"
            )
        draws = (Question("", problem.question, str(problem.answer)) for problem in word_problems(wish.seed))
        found = _distinct(draws, wish.count, {problem.question for problem in examples}, "word_problems")
        asked = [replace(question, id=str(place)) for place, question in enumerate(found)]
        shots = tuple((problem.question, problem.worked) for problem in examples[: wish.shots])
        return shots, _accepted(asked, wish, "word_problems")

    return Source(draw, "last_number", "chat", shots=2)


def generators() -> dict[str, tuple[type[Any], type[Any]]]:
    """List the generators of reasoning-gym.

    Returns:
        Name, and the classes of its data set and of its options.

    Raises:
        AntigradError: The package is not installed.

    Example:
        >>> "chain_sum" in generators()
        True
    """
    try:
        from reasoning_gym.factory import DATASETS
    except ImportError as error:
        raise AntigradError(
            "a reasoning-gym task", "the package reasoning-gym", "pip install 'antigrad[posttraining]'"
        ) from error
    return DATASETS


def _check(name: str, options: dict[str, Any]) -> None:
    known = generators()
    if name not in known:
        raise InputValueError(
            f"unknown reasoning-gym generator {name!r}", "a generator it has", did_you_mean(name, known)
        )
    names = _options(name)
    problems = [f"option {key!r}: {did_you_mean(key, names)}" for key in options if key not in names]
    raise_all(f"reasoning_gym:{name}", problems)


def _options(name: str) -> list[str]:
    """Return the options of a generator; `count` and `seed` of the task stand for its own two."""
    return [field.name for field in fields(generators()[name][1]) if field.name not in {"size", "seed"}]


def _questions(name: str, options: dict[str, Any], seed: int) -> Iterator[Question]:
    """Draw questions of a generator without end.

    Args:
        name: The generator.
        options: Its options.
        seed: The task's seed.

    Yields:
        Questions, possibly some twice, until a generator of bounded size is used up.

    Raises:
        InputValueError: The generator refuses its options.
    """
    from reasoning_gym import create_dataset

    try:
        # Some generators print; standard output is for results.
        with contextlib.redirect_stdout(io.StringIO()):
            dataset = create_dataset(name, **options, seed=seed * _SEED_STEP % 2**32, size=_SIZE)
        for index in count():
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    entry = dataset[index]
            except IndexError:
                return
            yield Question(str(index), entry["question"], entry["answer"] or "", entry=entry, dataset=dataset)
    except Exception as error:  # Generators check their options by assertion, or fail while drawing.
        given = ", ".join(f"{key}={value!r}" for key, value in options.items()) or "no options"
        raise InputValueError(
            f"reasoning_gym:{name} with {given}: {error or type(error).__name__}",
            "options it accepts",
            f"its options are {', '.join(_options(name))}",
        ) from error


def _distinct(draws: Iterator[Question], wanted: int, taken: Collection[str], name: str) -> list[Question]:
    """Draw until there are enough different questions.

    Args:
        draws: Questions, possibly some twice.
        wanted: How many.
        taken: Questions that do not count.
        name: The task, for the message.

    Returns:
        Different questions in the order they were drawn.

    Raises:
        InputValueError: There are not so many.
    """
    found: dict[str, Question] = {}
    idle = 0
    for question in draws:
        if question.question in found or question.question in taken:
            idle += 1
        else:
            found[question.question], idle = question, 0
        # If one of n equally likely questions were still missing, 20 n draws would miss it once in e^20 times.
        if len(found) == wanted or idle > 200 + 20 * len(found):
            break
    if len(found) < wanted:
        raise InputValueError(
            f"{wanted} questions",
            f"at most {len(found)}, which is all that {name} has",
            "lower count, or choose options with more questions",
        )
    return list(found.values())


def _refuse_nonsense(name: str, questions: list[Question]) -> None:
    """Refuse a generator whose scorer accepts answers that are right nowhere.

    Args:
        name: The generator.
        questions: Questions to try them on.

    Raises:
        InputValueError: It does.
    """
    nonsense = accepted_nonsense(questions)
    if nonsense is not None:
        hint = "choose another generator" + (", or --verifier exact" if all(one.answer for one in questions) else "")
        given = f"{name}, whose own scorer gives the answer {nonsense!r} full marks"
        raise InputValueError(given, "a scorer that tells nonsense from an answer", hint)


def _accepted(asked: list[Question], wish: Wish, name: str) -> tuple[Question, ...]:
    # Reasoning-gym's own scorers need no reference answer, and some take long.
    checked = [question for question in asked if question.dataset is None or wish.verifier != "reasoning_gym"]
    problems = [
        f"{question.question!r}: its answer {question.answer!r} can never be accepted by {wish.verifier!r}"
        for question in checked
        if not question.answer or not wish.accepts(question)
    ]
    raise_all(name, problems)
    return tuple(asked)
