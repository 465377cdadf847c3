"""Probe responses in the course of a training: which likelihoods move, where the mass goes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from antigrad.core.errors import InputValueError
from antigrad.core.files import UNREADABLE, write_atomic
from antigrad.language.policy import Policy
from antigrad.posttraining.pairs.pair import Tokens
from antigrad.posttraining.pairs.responses import Measured, measure
from antigrad.posttraining.train.callback import restore_tokens


class ProbeCallback(TrainerCallback):
    """Measures probe responses every few steps, as changes since the start of the training.

    Args:
        trainer: The trainer.
        policy: What it trains, before any wrapping.
        probes: What `probe_tokens` gave.
        every: Steps between measurements.
        start: File that keeps the measures of the start, for a resume.
    """

    def __init__(
        self, trainer: Any, policy: Policy, probes: Sequence[dict[str, Tokens]], every: int, start: Path
    ) -> None:
        self._trainer, self._policy, self._probes = trainer, policy, probes
        self._every, self._path = every, start
        self._start: Measured = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure the start, or read it back.

        Args:
            args: Not used.
            state: Step, and whether this is the first process.
            control: Not used.
            **kwargs: Not used.
        """
        if state.global_step and self._path.exists():
            self._start = _read_back(self._path)
        else:
            self._start = self._measured()
            if state.is_world_process_zero:
                write_atomic(self._path, json.dumps(self._start))
        restore_tokens(self._trainer, state)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure the step, if it is one that is measured.

        Args:
            args: Not used.
            state: The step.
            control: Not used.
            **kwargs: Not used.
        """
        if not self._every or state.global_step % self._every:
            return
        metrics = self._trainer._metrics["train"]
        now = self._measured()
        for name in self._names():
            changes = [
                after[name] - before[name] for after, before in zip(now, self._start, strict=True) if name in after
            ]
            metrics[f"probe/{name}"].append(sum(changes) / len(changes))
        fell = [after["chosen"] < before["chosen"] for after, before in zip(now, self._start, strict=True)]
        metrics["probe/displaced"].append(sum(fell) / len(fell))

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for row in self._start for name in row))

    def _measured(self) -> Measured:
        model: Any = self._policy.model
        training = model.training
        model.eval()
        try:
            return measure(self._policy, self._probes)
        finally:
            model.train(training)


def _read_back(path: Path) -> Measured:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [{str(name): float(value) for name, value in row.items()} for row in found]
    except UNREADABLE as error:
        raise InputValueError(f"{path}: {error}", "the file as this run wrote it", "restore it") from error
