"""A question with a known answer, and a worked example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Shot = tuple[str, str]
"""A question and its worked answer, shown before the question that is asked."""


@dataclass(frozen=True)
class Question:
    """A question with a known answer.

    Args:
        id: Names the question within its task: a line number or an index.
        question: Its text.
        answer: The reference answer; empty where a generator has none and judges by itself.
        system: System prompt, if it has one of its own.
        entry: What reasoning-gym generated, for its scorer.
        dataset: The reasoning-gym generator whose scorer judges.

    Example:
        >>> Question(id="1", question="7 * 8 =", answer="56").answer
        '56'
    """

    id: str
    question: str
    answer: str
    system: str | None = None
    entry: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    dataset: Any = field(default=None, repr=False, compare=False)
