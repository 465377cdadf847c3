"""Questions from JSON Lines files: the user's own, and GSM8K as it is published."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from antigrad.core.errors import InputValueError, raise_all
from antigrad.core.unicode import half_character
from antigrad.language.tasks.question import Question, Shot
from antigrad.language.tasks.task import Source, Wish
from antigrad.language.tasks.verifiers import not_one_number

_FINAL = "#### "
_CALCULATION = re.compile(r"<<[^<>]*>>")
_BLANK_LINES = re.compile(r"\n\s*\n")

Row = tuple[Question, str]
"""A question, and its answer as a worked example shows it."""


def user_file(path: Path) -> Source:
    """Read questions from the user's file, one JSON object a line.

    Its keys are `question`, `answer` and, if wanted, `system`; all are text. Other keys are ignored.
    A question that is there again with the same answer counts once; with another answer it is an error.

    Args:
        path: The file.

    Returns:
        The source; worked examples are rows that are not asked.
    """

    def read(line: int, row: dict[str, Any]) -> Row:
        system = _text(row, "system") if row.get("system") is not None else None
        question = Question(id=str(line), question=_text(row, "question"), answer=_text(row, "answer"), system=system)
        return question, question.answer

    return Source(draw=lambda wish: _draw(path, read, wish), verifier="last_number", style="chat")


def gsm8k(path: Path) -> Source:
    """Read questions from a file of GSM8K (Cobbe et al. 2021, arXiv 2110.14168).

    The answer is the number after `#### `, without commas. Worked examples show the whole solution,
    without its calculator marks (`<<48/2=24>>`) and without blank lines, which end an answer.

    Args:
        path: The file, for example the published `test.jsonl`.

    Returns:
        The source; worked examples are rows that are not asked.
    """

    def read(line: int, row: dict[str, Any]) -> Row:
        question, worked = _text(row, "question"), _text(row, "answer")
        _, mark, answer = worked.rpartition(_FINAL)
        if not mark or not answer.strip():
            raise InputValueError("an answer without a final one", f"its last line to be '{_FINAL}NUMBER'", "add it")
        shown = _BLANK_LINES.sub("\n", _CALCULATION.sub("", worked))
        return Question(str(line), question, answer.strip().replace(",", "")), shown

    return Source(draw=lambda wish: _draw(path, read, wish), verifier="last_number", style="raw", shots=4)


def _draw(
    path: Path, read: Callable[[int, dict[str, Any]], Row], wish: Wish
) -> tuple[tuple[Shot, ...], tuple[Question, ...]]:
    rows = _rows(path, read, wish)
    if wish.shots + wish.count > len(rows):
        raise InputValueError(
            f"count={wish.count}, shots={wish.shots}",
            f"at most {len(rows)} together, the distinct questions in {path}",
            "lower one of them",
        )
    # The examples come first, so that they stay the same when more questions are asked.
    random.Random(wish.seed).shuffle(rows)
    shots = tuple((question.question, worked) for question, worked in rows[: wish.shots])
    return shots, tuple(question for question, _ in rows[wish.shots : wish.shots + wish.count])


def _rows(path: Path, read: Callable[[int, dict[str, Any]], Row], wish: Wish) -> list[Row]:
    """Read a whole file.

    Args:
        path: The file.
        read: Makes a row of a line number and a JSON object.
        wish: Says which answers are accepted.

    Returns:
        The rows in the order of the file, each question once.

    Raises:
        InputValueError: It can't be opened.
        ManyInputsError: All that is wrong with it, line by line.
    """
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except (OSError, ValueError) as error:  # a name with a NUL
        raise InputValueError(
            f"{path}: {getattr(error, 'strerror', None) or error}", "a file that can be read", "check the path"
        ) from error
    rows: dict[tuple[str | None, str], Row] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = read(number, _object(line))
            question = row[0]
            first = rows.setdefault((question.system, question.question), row)[0]
            if first.answer != question.answer:
                raise InputValueError(
                    f"the question of line {first.id} with the answer {question.answer!r}",
                    f"its answer {first.answer!r}",
                    "decide which one is right",
                )
            other = not_one_number(question.answer) if wish.verifier == "last_number" else None
            if other is not None:
                raise InputValueError(
                    f"answer {question.answer!r}",
                    "one number, which is one that the verifier 'last_number' can accept",
                    f"write the number alone, or take --verifier {other}",
                )
            if not wish.accepts(question):
                raise InputValueError(
                    f"answer {question.answer!r}",
                    f"one that the verifier {wish.verifier!r} can accept",
                    "fix it, or choose another verifier",
                )
        except InputValueError as error:
            problems.append(f"line {number}: {error}")
    if not rows and not problems:
        problems.append("it is empty; at least one question is needed")
    raise_all(str(path), problems)
    return list(rows.values())


def _object(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputValueError(
            f"byte {error.start + 1} is not UTF-8", "a file in UTF-8", "save it in that encoding"
        ) from error
    except json.JSONDecodeError as error:
        raise InputValueError(
            f"not JSON ({error.msg} at column {error.colno})", "one JSON object a line", "fix the line"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputValueError(f"unreadable JSON ({error})", "one JSON object a line", "fix the line") from error
    if not isinstance(row, dict):
        raise InputValueError(f"a JSON {_kind(row)}", "a JSON object", 'write {"question": ..., "answer": ...}')
    return row


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if key not in row:
        raise InputValueError(f"no {key!r} among the keys {list(row)}", f"a {key}", "add it or rename a key")
    if not isinstance(value, str):
        raise InputValueError(f"{key} is a {_kind(value)}", "text", "put it in quotes")
    if half := half_character(value):
        raise InputValueError(f"{key} holds half of a character, {half}", "valid Unicode", "fix it")
    if not value.strip():
        raise InputValueError(f"empty {key}", "some text", "fill it in or delete the line")
    return value.strip()


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "number", float: "number", list: "list", dict: "object", str: "text"}
    return names.get(type(value), "null")
