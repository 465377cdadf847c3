"""What every trainer's job does: run folder, rewinding to the checkpoint, adapters, certificates, alarms, rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol

import torch

from antigrad.core.checkpoints import reading, tell
from antigrad.core.errors import AntigradError, InputValueError
from antigrad.core.files import write_atomic
from antigrad.core.ledger import Ledger
from antigrad.core.progress import progress
from antigrad.core.runs import RunFolder
from antigrad.language.quiet import no_renamings, quiet
from antigrad.language.watch_callback import WAITING
from antigrad.posttraining.train.callback import Alarms, RowsCallback, StepCallback
from antigrad.posttraining.train.card import model_card
from antigrad.posttraining.train.rounds.callback import RoundCallback

_ONCE = ("evaluation", "round", "final")
"""Rows that a run which resumes from a checkpoint makes again, though the checkpoint was written after them."""


class Training(Protocol):
    """One trainer's job, as `run_training` sees it."""

    @property
    def job(self) -> str:
        """What is typed behind `antigrad`."""
        ...

    @property
    def config(self) -> Any:
        """Its settings.

        They have `steps`, `certify_every`, `lora`, `device`, `threads`, `output` and `resume`, and a method `check`
        that is given the number of processes.
        """
        ...

    def load(self) -> Any:
        """Load data and model: all that can be refused before there is a run folder."""
        ...

    def last_checkpoint(self, folder: Path, processes: int, say: Callable[[str], None]) -> Path | None:
        """Find the newest checkpoint that is whole, and say which ones are not."""
        ...

    def trainer(self, loaded: Any, lora: Any, checkpoint: Path | None) -> Any:
        """Make the trainer from what was loaded, PEFT's `LoraConfig` or None, and where it begins."""
        ...

    def facts(self, trainer: Any) -> dict[str, Any]:
        """Say what the row of the setup tells beside trained weights and processes."""
        ...

    def alarms(self) -> Alarms:
        """Make the alarms, which see each row of a step once."""
        ...

    def describe(self, run: RunFolder) -> None:
        """Write page and summary of the finished run."""
        ...


def run_training(training: Training) -> RunFolder:
    """Run a trainer's job, from its beginning or from its last checkpoint.

    Under `accelerate launch` every process calls this; the first one writes.

    Args:
        training: The job.

    Returns:
        The run: ledger rows of steps, evaluations and alarms, a page, and the model in `checkpoints/policy`.

    Raises:
        AntigradError: The settings, the model, the data or the output folder are not usable.
    """
    from accelerate import PartialState

    config = training.config
    here = PartialState(cpu=config.device == "cpu")
    config.check(here.num_processes)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    loaded = None if (config.output / "run.yaml").exists() else training.load()
    with here.main_process_first():
        run = RunFolder.start(
            config.output,
            job=training.job,
            config=config,
            resume=config.resume or not here.is_main_process,
            free=("output", "resume", "shown"),
        )
    if run.summary:
        return run
    checkpoint: Path | None = None
    if config.resume:
        say = tell if here.is_main_process else _nothing
        checkpoint = training.last_checkpoint(config.output / "checkpoints", here.num_processes, say)
    if here.is_main_process and config.resume:
        _forget_after(run, _step(checkpoint), waiting=checkpoint is not None and (checkpoint / WAITING).is_file())
    here.wait_for_everyone()
    with run.refusals():  # options that only TRL refuses, and what they need
        _train(training, run, loaded or training.load(), checkpoint, main=here.is_main_process)
    if here.is_main_process:
        training.describe(run)
    here.wait_for_everyone()
    return run


def _train(training: Training, run: RunFolder, loaded: Any, checkpoint: Path | None, *, main: bool) -> None:
    from transformers import PrinterCallback, ProgressCallback

    config = training.config
    with quiet(), no_renamings():
        trainer = _made(training, loaded, checkpoint)
        trainer.card = partial(model_card, run, training.job, config)
        for callback in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(callback)
        alarms = training.alarms()
        seen = _seen(run, alarms)
        if ("setup", None) not in seen and main:
            run.ledger.append({"kind": "setup"} | training.facts(trainer) | _shape(trainer))
        with progress("steps", config.steps, done=_step(checkpoint)) as bar:
            if config.certify_every:
                _certify(trainer, config.certify_every, run)
            append = _Appending(run, bar, seen)
            trainer.add_callback(StepCallback(append, _say, alarms))
            for callback in trainer.callback_handler.callbacks:
                if isinstance(callback, RoundCallback | RowsCallback):
                    callback.append = append
            try:
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            except ImportError as error:  # of what an option needs, found out before the first step
                raise InputValueError(
                    f"an option of TRL: {error}", "options whose packages are installed", "install it, or leave it out"
                ) from error
            except UnpicklingError as error:  # a manifest can be written by whoever can write a checkpoint
                with reading(checkpoint or config.output):
                    raise error
        policy = config.output / "checkpoints" / "policy"
        trainer.save_model(str(policy))
        if main:
            write_atomic(policy / "README.md", trainer.card(trainer.state))


def _seen(run: RunFolder, alarms: Alarms) -> set[tuple[str, Any]]:
    # Kind and step of the rows there are; alarms hear of those of steps.
    seen = set[tuple[str, Any]]()
    for row in run.ledger.stream(without=("responses",)):
        seen.add((row["kind"], row.get("step")))
        if row["kind"] == "train":
            alarms(row)
    return seen


def _made(training: Training, loaded: Any, checkpoint: Path | None) -> Any:
    lora: Any = None
    if training.config.lora:
        from peft import LoraConfig

        given: dict[str, Any] = {"task_type": "CAUSAL_LM", **training.config.lora}
        lora = LoraConfig(**given)
    try:
        return training.trainer(loaded, lora, checkpoint)
    except Exception as error:
        if isinstance(error, AntigradError) or "memory" in str(error):
            raise
        said, origin = f"{type(error).__name__}: {error}", type(error).__module__.partition(".")[0]
        if origin.startswith(("httpx", "huggingface_hub", "requests")):
            hint = "log in with `hf auth login`, or leave push_to_hub out"
            raise InputValueError(said, "a model hub that can be reached and written to", hint) from error
        if not isinstance(error, ValueError | ImportError | RuntimeError):
            raise
        raise InputValueError(said, "options TRL and PEFT take", "change the option they name") from error


def _certify(trainer: Any, every: int, run: RunFolder) -> None:
    from antigrad.language.watch_callback import WatchCallback

    WatchCallback(every=every, run=run.path / "certificate").attach(trainer)


class _Appending:
    """Appends rows to the ledger, each step's once, and moves the bar."""

    def __init__(self, run: RunFolder, bar: Any, seen: set[tuple[str, Any]]) -> None:
        self._run, self._bar, self._seen = run, bar, seen

    def __call__(self, row: dict[str, Any]) -> None:
        if row["kind"] in _ONCE and (row["kind"], row["step"]) in self._seen:
            return
        self._run.ledger.append(row)
        if row["kind"] == "train":
            name = "reward" if "reward" in row else "loss"
            self._bar.advance(f"{name} {row.get(name, float('nan')):.3f}")


def _shape(trainer: Any) -> dict[str, Any]:
    trained = sum(one.numel() for one in trainer.model.parameters() if one.requires_grad)
    kind = trainer.accelerator.distributed_type.value.lower()
    return {"trained": trained, "processes": trainer.accelerator.num_processes, "parallel": kind}


def processes() -> int:
    """Count the processes that train.

    Returns:
        Their number.
    """
    from accelerate import PartialState

    return PartialState().num_processes


def _step(checkpoint: Path | None) -> int:
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0


def _say(text: str) -> None:
    tell(f"alarm: {text}")


def _nothing(text: str) -> None:
    """Say nothing: the first process does.

    Args:
        text: Not used.
    """


def _forget_after(run: RunFolder, step: int, *, waiting: bool) -> None:
    """Remove the rows of steps that will be made again.

    Args:
        run: The run.
        step: The last step that stays.
        waiting: Its certificate is completed by the step after it.
    """
    # It starts over with its first evaluation; certificates count steps from 0.
    certified = step - 1 if waiting else step
    _keep_lines(run.ledger.path, lambda row: row["kind"] == "setup" or 0 < step >= row.get("step", 0))
    _keep_lines(run.path / "certificate" / "ledger.jsonl", lambda row: row.get("step", 0) < certified)


def _keep_lines(ledger: Path, wanted: Callable[[dict[str, Any]], bool]) -> None:
    if ledger.exists():
        with ledger.open("rb") as lines:  # whole ones; as a stream, for responses may be in them
            kept = [line for row, line in zip(Ledger(ledger), lines, strict=False) if wanted(row)]
        write_atomic(ledger, b"".join(kept))
