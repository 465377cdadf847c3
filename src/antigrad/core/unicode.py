"""Half characters: what JSON and the command line can hold, and no file and no tokenizer takes."""

from __future__ import annotations

import json
from typing import Any


def half_character(value: Any) -> str:
    r"""Find half of a character, a surrogate without its other half, anywhere in a value.

    Args:
        value: A text, or lists and mappings with texts.

    Returns:
        It, as it is written in JSON; empty if there is none.

    Example:
        >>> half_character({"prompt": ["fine", "\ud800"]}), half_character("fine \U0001f600")
        ('\\ud800', '')
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"\\u{ord(text[error.start]):04x}"
    return ""
