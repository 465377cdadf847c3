"""Chat templates: programs that come with a model, from whoever made it. They run under bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from antigrad.core.bounds import memory, timed
from antigrad.core.errors import InputValueError
from antigrad.core.unicode import half_character

SECONDS = 5.0
"""That a template may take for one conversation: a usual one takes a thousandth of one."""
MEMORY = 1 << 30
"""Bytes that it may use."""
LONGEST = 10_000_000
"""Characters that it may write."""


class TemplateError(InputValueError):
    """A chat template does not write a conversation, whatever is in it."""


def chat_text(tokenizer: Any, turns: Sequence[Mapping[str, Any]], *, ask: bool, hint: str, **options: Any) -> str:
    """Write a conversation as the model's chat template does.

    Time is bounded in every thread, memory on Linux. The sandbox of transformers keeps a template from files and from
    Python everywhere.

    Args:
        tokenizer: It has a chat template.
        turns: Messages.
        ask: End with what begins an answer.
        hint: What to do where the template refuses them.
        options: What else the template is given.

    Returns:
        The text.

    Raises:
        TemplateError: The template refuses the turns, is broken, takes too much time or memory, or writes what is no
            text.
    """
    try:
        render = partial(
            tokenizer.apply_chat_template, list(turns), **{**options, "tokenize": False, "add_generation_prompt": ask}
        )
        with memory(MEMORY):
            text = timed(SECONDS, render)
        fault = _fault(text)
    except Exception as error:  # templates raise what they like, for example on a system turn
        text, fault, cause = "", str(error) or type(error).__name__, error
    else:
        cause = None
    if fault:
        roles = [turn.get("role") for turn in turns]
        raise TemplateError(
            f"the chat template refused {roles}: {fault}", "a template that takes these turns", hint
        ) from cause
    return text


def _fault(text: Any) -> str:
    if not isinstance(text, str):
        return f"it writes a {type(text).__name__}"
    if len(text) > LONGEST:
        return f"it writes more than {LONGEST:,} characters"
    half = half_character(text)
    return f"it writes half of a character, {half}" if half else ""
