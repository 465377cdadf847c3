"""Which part of a response is its answer: not the thinking before it, and of several answers the last."""

from __future__ import annotations

import re

_THOUGHT = re.compile(r"<(/?)(think|thinking|thought|reasoning)>", re.IGNORECASE)
_ANSWER = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.IGNORECASE | re.DOTALL)


def answer_part(response: str) -> str:
    """Take what a response answers with.

    Args:
        response: What the model wrote, perhaps behind a prompt that opened the thinking.

    Returns:
        What stands in the last `<answer>`, closed or cut off, behind the thinking; all behind the thinking if there is
        none; nothing where the thinking never ended.

    Example:
        >>> answer_part("<think>6 + 9 = 15</think> so <answer>16</answer>"), answer_part("<think>6 + 9 = 15")
        ('16', '')
    """
    marks = [*_THOUGHT.finditer(response)]
    if marks:
        last = marks[-1]
        response = response[last.end() :] if last[1] else ""
    found = _ANSWER.findall(response)
    return found[-1] if found else response


def boxed(text: str) -> str | None:
    r"""Take what stands in the last `\boxed{}`.

    Args:
        text: A text.

    Returns:
        The inside, up to the end of the text where the brace is not closed; None if there is no box.

    Example:
        >>> boxed(r"\boxed{3} no, \boxed{\frac{1}{2}}, twice")
        '\\frac{1}{2}'
    """
    _, found, inside = text.rpartition(r"\boxed{")
    if not found:
        return None
    depth = 1
    for place, sign in enumerate(inside):
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            return inside[:place]
    return inside
