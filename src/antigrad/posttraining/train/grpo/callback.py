"""When `GRPOTrainer` is called back: before the first step, and after each."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from antigrad.posttraining.train.callback import RowsCallback


class AtStart(TrainerCallback):
    """Restores what the trainer resets before its first step; `GRPOTrainer` adds it itself.

    Args:
        trainer: The trainer.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Restore it.

        Args:
            args: Not used.
            state: Not used.
            control: Not used.
            **kwargs: Not used.
        """
        self._trainer.restore_logged()


class AfterStep(RowsCallback):
    """Measures steps, and hands on the responses of those; `GRPOTrainer` adds it itself.

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
        measured = self._trainer.measure_step()
        if not measured or not self._trainer.options.log_completions:
            return
        if self.append is None and state.is_world_process_zero and self._trainer.accelerator.num_processes == 1:
            return  # nobody takes them
        for row in self._trainer.completions(measured):
            if self.append is not None and state.is_world_process_zero:
                self.append(row)
