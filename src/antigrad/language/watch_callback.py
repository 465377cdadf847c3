"""`WatchCallback`: certificates of the steps of a transformers `Trainer`, and so of TRL's trainers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from itertools import chain, count, takewhile
from pathlib import Path
from types import TracebackType
from typing import Any

from transformers import TrainerCallback

from antigrad.core.errors import InputTypeError, did_you_mean
from antigrad.core.runs import RunFolder
from antigrad.geometry.page.page import write_certificate_page
from antigrad.geometry.watch.watch import Watch

LOGGED = (
    *("step", "cos", "t", "through", "kappa", "kappa_layer", "drop_predicted", "blocks_against", "share_against"),
    *("drop_measured", "drop_t", "cos_disc", "moved_fraction", "wd_share"),
    *("down_weight", "lambda_lo", "lambda_hi", "safe_weight"),
)
"""Figures of a ledger row that go into the trainer's logs; all of them are in the ledger."""
WAITING = "certificate.safetensors"
"""In a checkpoint: the row that waits for the batch after it."""
_OURS = ("target", "model", "start", "run")


class WatchCallback(TrainerCallback):
    r"""Watches the optimizer of a `Trainer` and puts the certificates of its steps into its logs.

    $$\cos\psi=\frac{\Delta\theta\cdot y}{|\Delta\theta||y|}$$

    and the other figures of `Watch`, as `certificate/cos` and so on. Rows and page go into a run folder;
    `antigrad report FOLDER` draws it. A resumed training continues with its step numbers and its folder.

    The trainer tells its callbacks the end of a training, but no exception. Inside a `with` block the
    hooks are taken away then too; otherwise the next training, or `close`, takes them away.

    Args:
        run: Folder of the run. None: `certificate` in the trainer's `output_dir`, or `certificate-2` and
            so on for a training that starts over where there is one.
        **options: Those of `Watch` but `model` and `start`, which the trainer gives.

    Raises:
        InputTypeError: An option is unknown.

    Sign: that of `Watch`: above zero is down the loss.

    Source: as `Watch`.

    Deviations: none.

    Example:
        >>> with WatchCallback(every=20) as callback:  # Trainer(..., callbacks=[callback]).train()
        ...     callback.watch is None
        True
    """

    def __init__(self, *, run: Path | str | None = None, **options: Any) -> None:
        known = [name for name in inspect.signature(Watch).parameters if name not in _OURS]
        for name in options:
            if name not in known:
                raise InputTypeError(f"WatchCallback({name}=...)", "an option of Watch", did_you_mean(name, known))
        self._run, self._options = run, options
        self._folder = Path()
        self._seen = 0
        self.watch: Watch | None = None

    def attach(self, trainer: Any) -> None:
        """Go before all other callbacks of a trainer, so that its reporters see the figures too.

        Those given as `callbacks=` see a log after TensorBoard, W&B and the like.

        Args:
            trainer: The trainer, made without this callback.
        """
        trainer.callback_handler.callbacks.insert(0, self)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin to watch.

        Args:
            args: Arguments of the trainer.
            state: Its state.
            control: Not used.
            **kwargs: Its model and optimizer among others.
        """
        self.close()
        self._folder = Path(self._run or _folder(Path(args.output_dir), resumed=state.global_step > 0))
        self._seen = 0
        self.watch = Watch(
            kwargs["optimizer"], model=kwargs["model"], start=state.global_step, run=self._folder, **self._options
        )

        self.watch.load_waiting(Path(args.output_dir) / f"checkpoint-{state.global_step}" / WAITING)

    def save_waiting(self, checkpoint: Path) -> None:
        """Write the row that waits for the next batch into a checkpoint.

        Args:
            checkpoint: Its folder.
        """
        if self.watch is not None:
            self.watch.save_waiting(checkpoint / WAITING)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Keep the row that waits, where the trainer has not done so itself.

        Args:
            args: Arguments of the trainer.
            state: Its state.
            control: Not used.
            **kwargs: Not used.
        """
        checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if state.is_world_process_zero and checkpoint.is_dir() and not (checkpoint / WAITING).exists():
            self.save_waiting(checkpoint)

    def on_substep_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take the product with one micro-batch of an accumulation.

        Args:
            args: Not used.
            state: Not used.
            control: Not used.
            **kwargs: Not used.
        """
        if self.watch is not None:
            self.watch.micro_batch()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Add the figures of the newest row, each row once.

        Args:
            args: Not used.
            state: Whose history has the log already.
            control: Not used.
            logs: What is logged.
            **kwargs: Not used.
        """
        if self.watch is None or logs is None or any(name.startswith("eval_") for name in logs):
            return
        rows, self._seen = self.watch.rows[self._seen :], len(self.watch.rows)
        if rows:
            figures = dict(_figures(rows[-1]))
            logs.update(figures)
            state.log_history[-1].update(figures)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take the hooks away and write the page.

        Args:
            args: Not used.
            state: Its state: the first process writes.
            control: Not used.
            **kwargs: Not used.
        """
        self.close()
        if state.is_world_process_zero and self.watch is not None:
            run = RunFolder.open(self._folder)
            if not all(row["skipped"] for row in run.ledger.rows("certificate")):
                write_certificate_page(run)

    def close(self) -> None:
        """Take the hooks away, if there are any; the rows stay in `watch.rows`."""
        if self.watch is not None:
            self.watch.close()

    def __enter__(self) -> WatchCallback:
        """Return the callback; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it, also after an exception in the training."""
        self.close()


def _folder(output: Path, *, resumed: bool) -> Path:
    """Folder of a training's certificates: that of the training it continues with, or a new one.

    Args:
        output: The trainer's `output_dir`.
        resumed: Whether it goes on.

    Returns:
        The folder.
    """
    others = (output / f"certificate-{number}" for number in count(2))
    used = [*takewhile(Path.exists, chain([output / "certificate"], others))]
    if used and resumed:
        return used[-1]
    return output / (f"certificate-{len(used) + 1}" if used else "certificate")


def _figures(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Give the figures of a row for a log: flat, and finite, as reporters and JSON need them.

    Args:
        row: The row.

    Yields:
        Name and number.
    """
    own, effects = row["in_batch"], row.get("effect") or {}
    figures = {name: row.get(name) for name in LOGGED} | {
        f"in_batch_{name}": own.get(name) for name in ("cos", "kappa")
    }
    figures |= {f"effect_{part}": effect for part, effect in effects.items()} | {"alarms": len(row["alarms"])}
    for name, value in figures.items():
        if value is not None and math.isfinite(value):
            yield f"certificate/{name}", value
