"""Verifiable tasks: questions, how they are put to a model, and how responses are judged."""

from antigrad.language.tasks.load import load_task, task_names
from antigrad.language.tasks.question import Question, Shot
from antigrad.language.tasks.task import Style, Task

__all__ = ["Question", "Shot", "Style", "Task", "load_task", "task_names"]
