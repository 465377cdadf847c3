"""From a short text to a task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from antigrad.core.catalog import parse_spec
from antigrad.core.errors import InputValueError, did_you_mean, raise_all
from antigrad.language.tasks.files import gsm8k, user_file
from antigrad.language.tasks.generators import (
    PRESETS,
    generators,
    preset,
    reasoning_gym,
    tiny_arithmetic,
    worked_problems,
)
from antigrad.language.tasks.task import Source, Style, Task, Wish
from antigrad.language.tasks.verifiers import VERIFIERS

_FORMS = ("reasoning_gym:NAME(option=value,...)", "gsm8k:PATH", "PATH.jsonl", "tiny_arithmetic(split=train)")


def task_names() -> list[str]:
    """List what `load_task` takes.

    Returns:
        The built-in tasks, then the forms of the others with the part to fill in in capitals.

    Example:
        >>> task_names()[0]
        'products'
    """
    return [*PRESETS, "word_problems", "tiny_arithmetic", *_FORMS]


def load_task(
    spec: str,
    *,
    count: int,
    seed: int = 0,
    verifier: str | None = None,
    style: str | None = None,
    shots: int | None = None,
) -> Task:
    """Set up a task.

    Args:
        spec: A built-in task (`products`, `sums`, `word_problems`, `tiny_arithmetic`), a reasoning-gym generator
            (`reasoning_gym:chain_sum(min_terms=2,max_terms=2)`), GSM8K (`gsm8k:PATH`), or the user's
            own questions (`PATH.jsonl`, see `files.user_file`).
        count: Number of questions, all different. Asking more keeps those that were asked with less.
        seed: Decides which questions are drawn.
        verifier: Name of a verifier; None for the task's own: `reasoning_gym` for its generators,
            `last_number` for all others.
        style: `raw` or `chat`; None for the task's own: `chat` for the user's questions, word problems and
            reasoning-gym generators, `raw` for all others.
        shots: Number of worked examples; None for the task's own: 4 for GSM8K, 3 for `products` and
            `sums`, 2 for word problems, else none.

    Returns:
        The task.

    Raises:
        ManyInputsError: An option is out of range, or the file has errors: all of them.

    Example:
        >>> task = load_task("products", count=5)
        >>> print(task.prompt(task.questions[0], tokenizer=None))
        2 * 4 = 8
        3 * 5 = 15
        7 * 6 = 42
        ...
    """
    source = _source(spec.strip())
    settings: dict[str, Any] = {
        "verifier": source.verifier if verifier is None else verifier,
        "style": source.style if style is None else style,
    }
    shots = source.shots if shots is None else shots
    raise_all(f"task {spec}", _problems(count=count, seed=seed, shots=shots, **settings))
    task = Task(
        name=spec.strip(),
        questions=(),
        shots=(),
        template=source.template,
        separator=source.separator,
        stop=source.stop if settings["style"] == "raw" else None,
        **settings,
    )
    wish = Wish(count, shots, seed, accepts=lambda question: task.correct(question.answer, question), **settings)
    examples, questions = source.draw(wish)
    return replace(task, shots=examples, questions=questions)


def _problems(count: int, seed: int, shots: int, verifier: str, style: str) -> list[str]:
    problems: list[str] = []
    for name, number, least in (("count", count, 1), ("seed", seed, 0), ("shots", shots, 0)):
        if not isinstance(number, int) or isinstance(number, bool) or number < least:
            problems.append(f"{name}={number!r}: a whole number, at least {least}")
    for name, word, known in (("verifier", verifier, VERIFIERS), ("style", style, get_args(Style))):
        if word not in known:
            problems.append(f"{name}={word!r}: {did_you_mean(str(word), known)}")
    return problems


def _source(spec: str) -> Source:
    kind, colon, rest = spec.partition(":")
    if colon and rest and kind == "gsm8k":
        return gsm8k(Path(rest).expanduser())
    if colon and rest and kind == "reasoning_gym":
        return reasoning_gym(rest)
    if spec.lower().endswith(".jsonl"):
        return user_file(Path(spec).expanduser())
    if spec in PRESETS:
        return preset(spec)
    if spec == "word_problems":
        return worked_problems()
    name, options = parse_spec(spec)
    if name == "tiny_arithmetic":
        return tiny_arithmetic(options)
    hint = did_you_mean(name, task_names())
    if name in generators():
        hint = f"did you mean 'reasoning_gym:{spec}'? {hint}"
    raise InputValueError(f"unknown task {spec!r}", "a task", hint)
