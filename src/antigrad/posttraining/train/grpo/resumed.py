"""TRL's GRPOTrainer whose checkpoints hold all that a resumed run needs to take the same steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from trl import GRPOTrainer as Stock

from antigrad.posttraining.train.grpo.callback import AtStart
from antigrad.posttraining.train.grpo.checkpoint import load_reference, load_state, save_reference, save_state
from antigrad.posttraining.train.sealed import SealedCheckpoints


class ResumedTrainer(SealedCheckpoints, Stock):
    """The part of `GRPOTrainer` that saves and restores; it changes no weight and no random number.

    TRL's checkpoints hold the weights, the optimizer, the schedule and the global random streams. What they lack: the
    stream that orders prompts anew in each epoch, the responses in use, the micro-batch within them, sums of figures
    that are logged every few steps, and a reference model that follows the policy.

    Args:
        *args: As TRL's.
        **kwargs: As TRL's.
    """

    # Set by TRL, which types them for more trainers than this one.
    model: Any
    args: Any
    accelerator: Any
    ref_model: Any
    train_dataset: Any
    _buffered_inputs: Any
    _tr_loss: Tensor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._sampler: Any = None
        self._logged: dict[str, float] | None = None  # sums of a logging period that a checkpoint cut
        super().__init__(*args, **kwargs)
        self._more = torch.Generator().manual_seed(self.args.seed)  # of further prompts
        self.add_callback(AtStart(self))

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        self._sampler = super()._get_train_sampler(dataset)
        return self._sampler

    def _init_training_state(self, max_steps: int, *args: Any, **kwargs: Any) -> tuple[int, int]:
        """Find the place in a data set without a length, of which transformers knows no epoch.

        Args:
            max_steps: Steps of the whole run; transformers takes each epoch for that long.
            *args: As transformers'.
            **kwargs: As transformers'.

        Returns:
            Epochs that are over, and micro-batches of the next one.
        """
        epochs, batches = super()._init_training_state(max_steps, *args, **kwargs)
        if self.state.global_step and not hasattr(self.train_dataset, "__len__"):
            place = float(self.state.epoch or 0)
            epochs = int(place)
            batches = round((place - epochs) * max_steps * self.args.gradient_accumulation_steps)
        return epochs, batches

    def save_more(self, folder: Path) -> None:
        """Write what TRL's checkpoint lacks.

        Args:
            folder: The checkpoint.
        """
        used = self._step % (self.args.steps_per_generation * self.num_iterations)
        batches = self._buffered_inputs if used and self._buffered_inputs else []
        state = {
            "step": self._step,
            "metrics": {name: list(values) for name, values in self._metrics["train"].items()},
            "logged": {"loss": float(self._tr_loss), "step": self._globalstep_last_logged},
            "processes": self.accelerator.num_processes,
        }
        if self._reference_moves and self.args.should_save:
            save_reference(folder, self.ref_model)
        save_state(folder, self.accelerator.process_index, state, batches, self._more.get_state())

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None:
            return
        folder, here = Path(checkpoint), self.accelerator
        state, batches, generator = load_state(folder, here.process_index, here.device, here.num_processes)
        self._step, self._buffered_inputs = state["step"], batches or None
        self._more.set_state(generator)
        for name, values in state["metrics"].items():
            self._metrics["train"][name] = values
        self._logged = state["logged"]
        if self._reference_moves:
            load_reference(folder, here.unwrap_model(self.ref_model))
        self._skip_epochs(int(self.state.epoch or 0))

    @property
    def _reference_moves(self) -> bool:
        """Whether a reference model of its own follows the policy."""
        return bool(self.args.sync_ref_model) and self.ref_model is not None

    def _skip_epochs(self, epochs: int) -> None:
        """Draw the orders of epochs that are over, so that the next one gets its own.

        Args:
            epochs: How many are over; an iterable data set has no sampler, and counts epochs itself.
        """
        generator = getattr(self._sampler, "generator", None)
        for _ in range(epochs if generator is not None else 0):
            torch.randperm(self._sampler.num_samples, generator=generator)

    def restore_logged(self) -> None:
        """Resume the logging period that the checkpoint cut; called once the trainer has reset its own sums."""
        if self._logged is not None:
            self._tr_loss = torch.full_like(self._tr_loss, self._logged["loss"])
            self._globalstep_last_logged = self._logged["step"]
            self._logged = None
