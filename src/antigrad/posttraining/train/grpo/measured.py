"""TRL's GRPOTrainer that says what each measured step did: to its own responses, and by which part of its gradient."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate.utils import gather_object
from torch import Tensor
from trl.models.utils import disable_gradient_checkpointing

from antigrad.posttraining.train.grpo.batches import PICTURES, Batch, sequence
from antigrad.posttraining.train.grpo.callback import AfterStep
from antigrad.posttraining.train.grpo.completions import Measured, completion_rows, grouped
from antigrad.posttraining.train.grpo.measure import Displacement, PartNorms, is_random, means
from antigrad.posttraining.train.grpo.options import CreditOptions
from antigrad.posttraining.train.grpo.resumed import ResumedTrainer
from antigrad.posttraining.train.grpo.weights import Groups


class MeasuredTrainer(ResumedTrainer):
    """The part of `GRPOTrainer` that measures; it changes no weight and no random number.

    Args:
        *args: As TRL's.
        options: See `CreditOptions`.
        **kwargs: As TRL's.
    """

    num_generations: int
    num_generations_eval: int
    train_dataset: Any
    _tokenizer: Any

    def __init__(self, *args: Any, options: CreditOptions, **kwargs: Any) -> None:
        self.options = options
        self._used: list[tuple[Batch, Tensor]] = []  # micro-batches of the step that is measured
        self._norms: PartNorms | None = None
        super().__init__(*args, **kwargs)
        self.add_callback(AfterStep(self))

    @property
    def measures(self) -> bool:
        """Whether the step that is being made is one that is measured."""
        every = self.options.measure_every
        return every > 0 and (self.state.global_step + 1) % every == 0

    def _keep(self, loss: Tensor, log_probs: Tensor, inputs: Batch) -> None:
        groups, old = Groups.of(inputs), inputs.get("old_per_token_logps")
        now = log_probs.detach()
        if old is not None:  # with more than one update a batch, what the earlier ones did is at hand
            self._displaced("since_sampling", [(groups, inputs["mixed"], old, now)])
        if not self.measures:
            return
        self._used.append((inputs, self._read(inputs) if is_random(self.model) else now))
        if not self._splits():
            return
        if self._norms is None:
            self._norms = PartNorms(list(self.model.parameters()))
        weights = inputs["advantages"]
        down = (weights if weights.ndim == 2 else weights[:, None]) < 0
        self._norms.add(loss, log_probs, down & groups.mask)

    def _splits(self) -> bool:
        """Say whether gradients can be taken apart: not where parameters are sharded, or losses scaled.

        Returns:
            True if they can.
        """
        sharded = self.is_fsdp_enabled or self.is_deepspeed_enabled
        reentrant = self.args.gradient_checkpointing and (self.args.gradient_checkpointing_kwargs or {}).get(
            "use_reentrant", False
        )
        return not sharded and not reentrant and getattr(self.accelerator, "scaler", None) is None

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """Make one forward and backward; see TRL.

        Args:
            *args: As TRL's.
            **kwargs: As TRL's.

        Returns:
            The loss.
        """
        loss = super().training_step(*args, **kwargs)
        if self._norms is not None and self.accelerator.sync_gradients:
            for name, value in self._norms.norms(self.accelerator).items():
                self._metrics["train"][f"credit/{name}"].append(value)
            self._norms = None
        return loss

    def measure_step(self) -> list[Measured]:
        """Measure what the step just made did to its own responses; called after each step.

        Returns:
            Its micro-batches, with log-probabilities before and after; none if it is not measured.
        """
        used, self._used = self._used, []
        if not used:
            return []
        measured = [(inputs, before, self._read(inputs)) for inputs, before in used]
        self._displaced(
            "step", [(Groups.of(inputs), inputs["mixed"], before, after) for inputs, before, after in measured]
        )
        return measured

    def completions(self, measured: list[Measured]) -> list[dict[str, Any]]:
        """Write down the responses of the step just made; every process calls it.

        Args:
            measured: What `measure_step` gave.

        Returns:
            Rows for the ledger, of all processes.
        """
        rows = completion_rows(measured, self._tokenizer)
        if self.accelerator.num_processes > 1:
            rows = gather_object(rows)
        return grouped(rows, self.state.global_step)

    def _read(self, inputs: Batch) -> Tensor:
        """Read the responses of a micro-batch once more, without dropout, graph and trace in the random numbers.

        Args:
            inputs: The micro-batch.

        Returns:
            (b, T) log-probabilities.
        """
        devices = [self.accelerator.device] if self.accelerator.device.type == "cuda" else []
        ids, mask, length = sequence(inputs)
        pictures = {name: inputs[name] for name in PICTURES if name in inputs}
        with torch.random.fork_rng(devices), torch.no_grad(), self._without_checkpointing():
            self.model.eval()
            try:
                found = super()._get_per_token_logps_and_entropies(self.model, ids, mask, length, **pictures)
            finally:
                self.model.train()
        return found[0]

    def _displaced(self, what: str, rows: list[tuple[Groups, Tensor, Tensor, Tensor]]) -> None:
        found = Displacement()
        for groups, mixed, before, after in rows:
            found.add(before, after, groups.mask, groups.correct, mixed)
        sums = self.accelerator.reduce(found.sums.to(self.accelerator.device), reduction="sum")
        for name, value in means(sums).items():
            self._metrics["train"][f"credit/{name}_{what}"].append(value)

    @contextmanager
    def _without_checkpointing(self) -> Generator[None]:
        with disable_gradient_checkpointing(self.model, self.args.gradient_checkpointing_kwargs):
            yield
