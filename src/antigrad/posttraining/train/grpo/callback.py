"""Measures the steps of `GRPOTrainer` when they are over."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback


class AfterStep(TrainerCallback):
    """Measures steps; `GRPOTrainer` adds it itself.

    Args:
        trainer: The trainer.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure the step, if it is one that is measured.

        Args:
            args: Not used.
            state: Not used.
            control: Not used.
            **kwargs: Not used.
        """
        self._trainer.measure_step()
