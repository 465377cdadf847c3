"""Verifiable tasks: questions, how they are put to a model, and how responses are judged."""

from antigrad.posttraining.tasks.load import load_task, task_names
from antigrad.posttraining.tasks.task import Question, Shot, Style, Task

__all__ = ["Question", "Shot", "Style", "Task", "load_task", "task_names"]
