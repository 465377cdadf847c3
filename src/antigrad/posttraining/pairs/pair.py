"""One preference pair as text, and as the tokens that a trainer makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.language.templates import chat_text

Messages = list[dict[str, Any]]
Text = str | Messages


@dataclass(frozen=True)
class Pair:
    """A prompt with a chosen and a rejected response: three texts, or three lists of messages.

    Args:
        row: Its row in the source, from 1; names it in every table.
        prompt: What both respond to.
        chosen: The chosen response.
        rejected: The rejected one.
        answer: The gold final answer, for PVI; empty if there is none.
        facts: Numbers that came with the row: `pvi`, `reward_gap`.
        paraphrase: The chosen response in other words, to watch; empty if there is none.
        options: What goes to the chat template, such as `tools`.
    """

    row: int
    prompt: Text
    chosen: Text
    rejected: Text
    answer: str = ""
    facts: Mapping[str, float] = field(default_factory=dict[str, float])
    paraphrase: str = ""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def chat(self) -> bool:
        """Whether it is made of messages."""
        return isinstance(self.prompt, list)

    def words(self, side: str) -> str:
        """Text of a side, without roles.

        Args:
            side: `prompt`, `chosen` or `rejected`.

        Returns:
            The text; contents of messages are joined by line ends.
        """
        return words_of(getattr(self, side))


@dataclass(frozen=True)
class Tokens:
    """A pair as token ids.

    Args:
        prompt: Ids that both sequences begin with.
        chosen: Ids of the chosen response, with what ends it.
        rejected: Likewise of the rejected one.
    """

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]

    @property
    def longest(self) -> int:
        """Tokens of the longer sequence."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))


def words_of(text: Text) -> str:
    """Text without roles.

    Args:
        text: A text or messages.

    Returns:
        The text.
    """
    return text if isinstance(text, str) else "\n".join(str(turn.get("content") or "") for turn in text)


def tokenize(pair: Pair, tokenizer: Any) -> Tokens:
    """Turn a pair into tokens as TRL does: a response begins where both sequences leave the prompt.

    Args:
        pair: The pair.
        tokenizer: A `transformers` tokenizer.

    Returns:
        Token ids. Texts end with the tokenizer's end token, messages as the chat template ends them.

    Raises:
        AntigradError: The tokenizer has no chat template, or refuses the turns.
        InputValueError: The template drops a system turn.
    """
    prompt = rendered(pair, tokenizer, [])
    sides: list[list[int]] = []
    for response in (pair.chosen, pair.rejected):
        if isinstance(response, str) and isinstance(pair.prompt, str):
            end = tokenizer.eos_token or ""
            sides.append(
                tokenizer(text=pair.prompt + (response if response.endswith(end) else response + end)).input_ids
            )
        else:
            sides.append(rendered(pair, tokenizer, cast(Messages, response)))
    start = min(shared(prompt, side) for side in sides)
    return Tokens(prompt[:start], sides[0][start:], sides[1][start:])


def rendered(pair: Pair, tokenizer: Any, response: Messages) -> list[int]:
    """Token ids of a pair's prompt, with a response of messages or ready for one.

    Args:
        pair: The pair.
        tokenizer: Its tokenizer.
        response: Messages that follow; none asks for the generation prompt.

    Returns:
        Token ids.

    Raises:
        AntigradError: The tokenizer has no chat template, or refuses the turns.
        InputValueError: The template drops a system turn.
    """
    if isinstance(pair.prompt, str):
        return tokenizer(text=pair.prompt).input_ids
    if not getattr(tokenizer, "chat_template", None):
        given = f"row {pair.row} has messages, and the tokenizer no chat template"
        raise AntigradError(given, "a tokenizer with one", "give texts instead, or choose a model tuned for chat")
    turns = [*pair.prompt, *response]
    hint = f"leave out row {pair.row} and those like it, or change the template"
    text = chat_text(tokenizer, turns, ask=not response, hint=hint, **dict(pair.options))
    for turn in turns:
        content = str(turn.get("content") or "").strip()
        if turn.get("role") == "system" and content and content not in text:
            given = f"row {pair.row}: the chat template drops the system turn {content[:60]!r}"
            raise InputValueError(given, "a template that keeps it", "move it into the first user turn")
    return tokenizer(text=text, add_special_tokens=False).input_ids


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """Count leading tokens that two sequences have in common.

    Args:
        one: Token ids.
        other: Token ids.

    Returns:
        Their number.

    Example:
        >>> shared([1, 2, 3], [1, 2, 4, 5])
        2
    """
    same = (left == right for left, right in zip(one, other, strict=False))
    return next((place for place, equal in enumerate(same) if not equal), min(len(one), len(other)))
