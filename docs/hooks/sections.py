"""This project's docstring sections, `Sign:`, `Source:` and the like, as plain paragraphs with a bold lead."""

import re
from typing import Any

from griffe import Extension, Object

_OURS = re.compile(r"^(Sign|Source|Deviations|Symbols): +(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)


class Sections(Extension):
    """Rewrites docstrings before they are parsed: an unknown section would become a box."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring:
            obj.docstring.value = plain(obj.docstring.value)


def plain(text: str) -> str:
    r"""Turn known sections into paragraphs.

    >>> plain("Sign: up\n    or down.\n\nExample:\n    >>> 1")
    '**Sign.** up\nor down.\n\nExamples:\n    >>> 1'
    """
    text = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)
    return _OURS.sub(lambda found: f"**{found[1]}.** " + re.sub(r"\n[ \t]+", "\n", found[2]), text)
