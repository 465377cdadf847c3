"""Forms of rows: prompts beside the responses or inside them, texts or messages, contents as text or in parts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

Messages = Sequence[Mapping[str, str]]
Row = Mapping[str, Any]
_RESPONSES = ("response", "completion", "messages")


@dataclass(frozen=True)
class Example:
    """One row: a response, and what it answers.

    Args:
        prompt: Text as the model reads it, or messages for the chat template; None for plain text.
        response: The text that is scored, or the messages that follow the prompt.
    """

    prompt: str | Messages | None
    response: str | Messages


def example_of(row: Row) -> Example:
    """Read a row of one response.

    Args:
        row: With `prompt` and `response` (or `completion`), with `messages`, of which the last one is scored, or with
            `text`.

    Returns:
        The example.

    Raises:
        ValueError: It has none of these forms; says why.
    """
    given = [key for key in ("text", *_RESPONSES) if key in row]
    if len(given) != 1:
        raise ValueError(
            f"keys {list(row)}: 'prompt' with one of 'response' and 'completion', or 'text' alone, or 'messages'"
        )
    key = given[0]
    if key == "text":
        return Example(None, _text(row, "text"))
    if row.get("prompt") is None and isinstance(row[key], list):
        turns = _messages(row, key)
        if len(turns) < 2 or turns[-1]["role"] != "assistant":
            raise ValueError(f"{key!r} without a prompt must end with the assistant's turn behind another one")
        return Example(turns[:-1], turns[-1:])
    prompt, response = _prompt(row), _side(row, key)
    return _joined(prompt, response, key)


def pair_of(row: Row) -> tuple[Example, Example]:
    """Read a row of a preference.

    Args:
        row: With `chosen` and `rejected`, texts or messages, and `prompt`; or with the prompt inside both.

    Returns:
        The chosen and the rejected example.

    Raises:
        ValueError: It has none of these forms; says why.
    """
    chosen, rejected = _side(row, "chosen"), _side(row, "rejected")
    if isinstance(chosen, str) != isinstance(rejected, str):
        raise ValueError("'chosen' and 'rejected' must both be text, or both messages")
    if row.get("prompt") is not None:
        prompt = _prompt(row)
        return _joined(prompt, chosen, "chosen"), _joined(prompt, rejected, "rejected")
    # Behind what both begin with, each has to have something left.
    count = next((n for n, (one, two) in enumerate(zip(chosen, rejected, strict=False)) if one != two), None)
    count = min(len(chosen), len(rejected)) - 1 if count is None else count
    if isinstance(chosen, str):
        while count and not str(chosen[count - 1]).isspace():  # a prompt ends with a word
            count -= 1
    if not count:
        raise ValueError("no 'prompt', and 'chosen' and 'rejected' do not begin alike")
    return Example(chosen[:count], chosen[count:]), Example(rejected[:count], rejected[count:])


def _joined(prompt: str | Messages, response: str | Messages, key: str) -> Example:
    if isinstance(response, str):
        return Example(prompt, response)
    if isinstance(prompt, str):
        prompt = [{"role": "user", "content": prompt}]
        if response[0]["role"] != "assistant":  # the prompt is there again, perhaps behind a system turn
            asked = next((n for n, turn in enumerate(response) if turn["role"] == "assistant"), 0)
            if not asked or response[asked - 1]["content"].strip() != prompt[0]["content"].strip():
                raise ValueError(f"'prompt' is not what the assistant answers in {key!r}")
            return Example(response[:asked], response[asked:])
    elif list(response[: len(prompt)]) == list(prompt):
        response = response[len(prompt) :]
    if not response:
        raise ValueError(f"{key!r} has nothing behind the prompt")
    return Example(prompt, response)


def _prompt(row: Row) -> str | Messages:
    return _messages(row, "prompt") if isinstance(row.get("prompt"), list) else _text(row, "prompt", empty=True)


def _side(row: Row, key: str) -> str | Messages:
    return _messages(row, key) if isinstance(row.get(key), list) else _text(row, key)


def _text(row: Row, key: str, *, empty: bool = False) -> str:
    value = row.get(key)
    if key not in row:
        raise ValueError(f"no {key!r} among the keys {list(row)}")
    if not isinstance(value, str):
        raise ValueError(f"{key!r} must be text or messages, not {json.dumps(value)[:40]}")
    if not value and not empty:
        raise ValueError(f"{key!r} is empty")
    return value


def _messages(row: Row, key: str) -> list[Mapping[str, str]]:
    turns = cast(list[Any], row[key])
    if not turns or not all(isinstance(turn, dict) and {"role", "content"} <= set(turn) for turn in turns):
        raise ValueError(f"{key!r} must be a list of messages, each with 'role' and 'content'")
    return [turn | {"content": _content(turn["content"], f"{key!r} message {n}")} for n, turn in enumerate(turns, 1)]


def _content(content: Any, where: str) -> str:
    """Read the content of a message.

    Args:
        content: Text, or a list of parts with the type `text`.
        where: Whose it is.

    Returns:
        The text; that of parts put together.

    Raises:
        ValueError: It is null, or has a part that is no text.
    """
    if isinstance(content, str):
        return content
    if content is None:
        raise ValueError(f"{where} has no content (null): what a tool call says can't be scored")
    if not isinstance(content, list):
        raise ValueError(f"{where}: content must be text or a list of parts, not {json.dumps(content)[:40]}")
    texts = [part if isinstance(part, str) else cast(Any, part).get("text") if isinstance(part, dict) else None
             for part in cast(list[Any], content)]  # fmt: skip
    if not all(isinstance(text, str) for text in texts):
        kinds = [
            part.get("type") if isinstance(part, dict) else type(part).__name__ for part in cast(list[Any], content)
        ]
        raise ValueError(f"{where} has parts of the types {kinds}: only text can be scored")
    return "".join(cast(list[str], texts))
