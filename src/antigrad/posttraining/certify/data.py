"""Rows of the parts: read from the user's files, drawn, and turned into tokens with what is scored marked."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from antigrad.core.errors import InputValueError
from antigrad.core.unicode import half_character
from antigrad.language.templates import chat_text
from antigrad.posttraining.certify.forms import Example, example_of, pair_of

_SHOWN = 20


@dataclass(frozen=True)
class Tokens:
    """One row in tokens.

    Args:
        ids: Token ids of prompt and response.
        start: Place of the first token that is scored.
        ended: The end-of-sequence token was put behind the text.
    """

    ids: list[int]
    start: int
    ended: bool = False


def read_examples(path: Path) -> tuple[list[Example], list[str]]:
    """Read rows with `prompt` and `response` (or `completion`), with `messages`, or with `text`.

    Args:
        path: A JSON Lines file, or a JSON file with one list.

    Returns:
        The examples, and all that is wrong with the file, one sentence each.
    """
    return _read(path, example_of)


def read_pairs(path: Path) -> tuple[list[Example], list[Example], list[str]]:
    """Read rows with `chosen` and `rejected`, and `prompt` beside or inside them.

    Args:
        path: A JSON Lines file, or a JSON file with one list.

    Returns:
        The chosen examples, the rejected ones, and all that is wrong with the file.
    """
    rows, problems = _read(path, pair_of)
    return [chosen for chosen, _ in rows], [rejected for _, rejected in rows], problems


def drawn(examples: Sequence[Example], limit: int, seed: int) -> list[Example]:
    """Draw rows; files of one length give rows of the same places, so pairs stay pairs.

    Args:
        examples: All rows.
        limit: How many at most.
        seed: Decides which.

    Returns:
        The rows in the order of the file.
    """
    places = random.Random(seed).sample(range(len(examples)), min(limit, len(examples)))
    return [examples[place] for place in sorted(places)]


def digest(examples: Sequence[Example]) -> str:
    """Name the content of rows, so that a resumed run can tell other data from its own.

    Args:
        examples: The rows.

    Returns:
        Hexadecimal digits.
    """
    rows = [[example.prompt, example.response] for example in examples]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]


def to_tokens(example: Example, tokenizer: Any, max_tokens: int) -> Tokens | None:
    """Turn a row into tokens.

    Text that does not end with the end-of-sequence token gets it, as fine-tuning on it would, and says so in `ended`;
    messages end as the chat template ends them.

    Args:
        example: The row.
        tokenizer: The model's.
        max_tokens: Where longer rows are cut.

    Returns:
        The tokens; None if nothing is left to score.

    Raises:
        InputValueError: There are messages and no chat template that fits.
    """
    ended = False
    if example.prompt is None or isinstance(example.prompt, str):
        prompt = [] if example.prompt is None else _ids(tokenizer, example.prompt, special=True)
        response = _ids(tokenizer, cast(str, example.response), special=example.prompt is None)
        if ended := response[-1:] != [tokenizer.eos_token_id]:
            response = [*response, tokenizer.eos_token_id]
    else:
        answer = example.response
        turns = [{"role": "assistant", "content": answer}] if isinstance(answer, str) else list(answer)
        hint = "write prompts and responses as text"
        before = chat_text(tokenizer, example.prompt, ask=True, hint=hint)
        text = chat_text(tokenizer, [*example.prompt, *turns], ask=False, hint=hint)
        if not text.startswith(before):
            raise InputValueError(
                "a chat template that writes a prompt otherwise once it is answered",
                "the prompt as the beginning of the conversation",
                hint,
            )
        prompt = _ids(tokenizer, before, special=False)
        response = _ids(tokenizer, text[len(before) :], special=False)
    whole = [*prompt, *response]
    ids, start = whole[:max_tokens], max(1, len(prompt))  # the first token of all is predicted by nothing
    return Tokens(ids, start, ended and len(ids) == len(whole)) if start < len(ids) else None


def _ids(tokenizer: Any, text: str, *, special: bool) -> list[int]:
    ids = tokenizer(text, add_special_tokens=special).input_ids
    # A tokenizer that ends a text by itself must not end a prompt, nor a response twice.
    return ids[:-1] if ids and ids[-1] == tokenizer.eos_token_id and not text.endswith(tokenizer.eos_token) else ids


def _read(path: Path, read: Any) -> tuple[list[Any], list[str]]:
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [], [f"{path}: byte {error.start + 1} is not UTF-8; JSON Lines or JSON is read"]
    except (OSError, ValueError) as error:  # a name with a NUL
        return [], [f"{path}: {getattr(error, 'strerror', None) or error}"]
    rows: list[Any] = []
    problems: list[str] = []
    is_list = content.lstrip().startswith("[")
    for place, value in _values(content, is_list):
        try:
            row = json.loads(value) if isinstance(value, str) else value
            if not isinstance(row, dict):
                raise ValueError("a JSON object is needed")
            if half := half_character(row):
                raise ValueError(f"half of a character, {half}")
            rows.append(read(cast(dict[str, Any], row)))
        except (ValueError, RecursionError) as error:
            problems.append(f"{path} {'row' if is_list else 'line'} {place}: {error}")
    if not problems and len(rows) < 2:
        problems.append(f"{path}: {len(rows)} rows; at least 2 are needed, to split them in halves")
    more = len(problems) - _SHOWN
    return rows, [*problems[:_SHOWN], *([f"{path}: {more} more like these"] if more > 0 else [])]


def _values(content: str, is_list: bool) -> list[tuple[int, Any]]:
    if is_list:
        try:
            return list(enumerate(json.loads(content), 1))
        except (ValueError, RecursionError):
            pass  # then its lines say what is wrong with them
    return [(place, line) for place, line in enumerate(content.split("\n"), 1) if line.strip()]
