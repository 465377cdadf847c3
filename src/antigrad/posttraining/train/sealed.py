"""A trainer of transformers whose checkpoints say themselves whether they are whole, and that resumes from any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers.trainer_utils import rotate_checkpoints

from antigrad.core.checkpoints import PREFIX, emptied, seal
from antigrad.core.files import write_atomic


class SealedCheckpoints:
    """Mixed into a trainer: writes a manifest behind each checkpoint, and removes older ones only then.

    transformers removes the oldest checkpoint when its own part of the new one is written; what is killed in between
    would be left with none.
    """

    # The trainer's.
    args: Any
    state: Any
    accelerator: Any
    control: Any

    card: Callable[[Any], str] | None = None
    """Writes the model card at a state of the training; TRL's own, which knows less, where there is none."""

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write the model card beside the checkpoints; see TRL.

        Args:
            *args: As TRL's.
            **kwargs: As TRL's.
        """
        if self.card is None:
            stock: Any = super()
            stock.create_model_card(*args, **kwargs)
        elif self.args.should_save:
            write_atomic(Path(self.args.output_dir) / "README.md", self.card(self.state))

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Any], Any]:
        """Give no more batches when all steps are made.

        Resumed from the checkpoint of its last step, in the middle of an epoch, transformers would make one step more.

        Args:
            epoch_iterator: Batches of the epoch.
            num_batches: Of a step.
            device: They go to.

        Returns:
            Batches of a step, and how many items they have.
        """
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
            return [], None
        stock: Any = super()
        return stock.get_batch_samples(epoch_iterator, num_batches, device)

    def save_more(self, folder: Path) -> None:
        """Write what the trainer's own checkpoint lacks; every process calls it.

        Args:
            folder: The checkpoint.
        """

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        stock: Any = super()
        parent = Path(stock._get_output_dir(trial=trial))
        folder = parent / f"{PREFIX}{self.state.global_step}"
        if self.args.should_save:
            emptied(folder)
        self.accelerator.wait_for_everyone()
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            stock._save_checkpoint(model, trial)
        finally:
            self.args.save_total_limit = limit
        folder.mkdir(parents=True, exist_ok=True)
        self.save_more(folder)
        if self.card is not None and self.args.should_save:
            write_atomic(folder / "README.md", self.card(self.state))
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            seal(folder)
            best = self.state.best_model_checkpoint
            rotate_checkpoints(str(parent), limit, best_model_checkpoint=best)
