"""One row a logged step and evaluation of a trainer, and its alarms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

Row = dict[str, Any]
Append = Callable[[Row], None]
Alarms = Callable[[Row], list[str]]
"""Looks at the row of a step, and gives the alarms raised by it."""


class RowsCallback(TrainerCallback):
    """A callback with rows of its own for the ledger; the job says where they go."""

    append: Append | None = None


class StepCallback(TrainerCallback):
    """Writes a row a logged step and evaluation, and raises alarms.

    Args:
        append: Takes a row; called in the first process only.
        say: Takes an alarm.
        alarms: Their state; rows that an interrupted run wrote should have gone through it.
    """

    def __init__(self, append: Append, say: Callable[[str], None], alarms: Alarms) -> None:
        self._append, self._say, self._alarms = append, say, alarms

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Write what is logged.

        Args:
            args: Not used.
            state: Step, and whether this is the first process.
            control: Not used.
            logs: Figures.
            **kwargs: Not used.
        """
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        kind = "evaluation" if any(name.startswith("eval_") for name in logs) else "train"
        figures = {name.removeprefix("eval_"): value for name, value in logs.items() if _finite(value)}
        alarms = self._alarms(figures) if kind == "train" else []
        self._append({"kind": kind, "step": state.global_step} | figures)
        for text in alarms:
            self._append({"kind": "alarm", "step": state.global_step, "text": text})
            self._say(text)


def restore_tokens(trainer: Any, state: Any) -> None:
    """Let TRL count tokens on from where an interrupted run was: it counts them anew in every process.

    Args:
        trainer: One of TRL's.
        state: Its state, read back.
    """
    numbers = [row["num_tokens"] for row in state.log_history if "num_tokens" in row]
    if numbers:
        trainer._total_train_tokens = numbers[-1]


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
