"""Questions that a run asked, as its ledger keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antigrad.core.errors import InputValueError
from antigrad.language.tasks.task import Task


def check_questions(task: Task, asked: Mapping[int, Mapping[str, Any]]) -> None:
    """Refuse to resume with other questions than a run began with.

    Args:
        task: The task as it is now.
        asked: Question rows of the run, by place.

    Raises:
        InputValueError: A question is another one now.
    """
    for index, row in asked.items():
        if row["text"] != task.questions[index].question:
            raise InputValueError(
                f"question {index + 1} of {task.name} is {task.questions[index].question!r} now",
                f"{row['text']!r}, as when this run began",
                "the file changed, or the generator depends on PYTHONHASHSEED: fix it, and start over",
            )


def name_of(row: Mapping[str, Any]) -> str:
    """Name a question by its place and the beginning of its text.

    Args:
        row: A row of kind `question`.

    Returns:
        At most some 40 characters.
    """
    text = " ".join(str(row["text"]).split())
    return f"{row['question'] + 1}: {text if len(text) <= 32 else text[:31] + '…'}"
