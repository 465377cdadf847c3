"""`antigrad train grpo`: a task, a model, a credit rule; rows, checkpoints, a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.core.files import write_atomic
from antigrad.core.progress import progress
from antigrad.core.runs import RunFolder
from antigrad.language.policy import load_any
from antigrad.language.quiet import quiet
from antigrad.language.tasks import Question, Task, load_task
from antigrad.posttraining.train.grpo.callback import StepAlarms, StepCallback
from antigrad.posttraining.train.grpo.checkpoint import last_checkpoint
from antigrad.posttraining.train.grpo.data import Correct, end_at, prompt_rows
from antigrad.posttraining.train.grpo.page import describe
from antigrad.posttraining.train.grpo.settings import TrainGRPOConfig


def train_grpo(config: TrainGRPOConfig) -> RunFolder:
    """Train a model by GRPO with a credit rule, on questions with a verifier.

    Under `accelerate launch` every process calls this; the first one writes.

    Args:
        config: See `TrainGRPOConfig`.

    Returns:
        The run: ledger rows of steps, evaluations and alarms, a page, and the model in `checkpoints/policy`.

    Raises:
        AntigradError: The settings, the model, the task or the output folder are not usable.

    Sign: the loss falls where correct responses become likelier and wrong ones less likely.

    Source: see `GRPOTrainer`.

    Deviations: see `GRPOTrainer`.

    Example:
        >>> TrainGRPOConfig(model="tiny", tasks="tiny_arithmetic(split=train)", credit="nthr").rollouts
        8
    """
    from accelerate import PartialState

    here = PartialState(cpu=config.device == "cpu")
    config.check(here.num_processes)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    asked = _questions(config)
    loaded = None if (config.output / "run.yaml").exists() else _load(config, asked)
    with here.main_process_first():
        run = RunFolder.start(
            config.output,
            job="train grpo",
            config=config,
            resume=config.resume or not here.is_main_process,
            free=("output", "resume"),
        )
    if run.summary:
        return run
    checkpoint = last_checkpoint(config.output / "checkpoints", here.num_processes) if config.resume else None
    if here.is_main_process and config.resume:
        _forget_after(run, _step(checkpoint))
    here.wait_for_everyone()
    _train(config, run, asked, loaded or _load(config, asked), checkpoint, main=here.is_main_process)
    if here.is_main_process:
        describe(run, config)
    here.wait_for_everyone()
    return run


Asked = list[tuple[Task, Sequence[Question]]]
"""Tasks with their questions: what is trained on, then what is held out."""


def _questions(config: TrainGRPOConfig) -> Asked:
    common: dict[str, Any] = {"seed": config.seed, "verifier": config.verifier, "style": config.style}
    more = 0 if config.held_out_tasks else config.held_out
    task = load_task(config.tasks, count=config.questions + more, shots=config.shots, **common)
    asked: Asked = [(task, task.questions[: config.questions])]
    if config.held_out_tasks and config.held_out:
        test = load_task(config.held_out_tasks, count=config.held_out, shots=config.shots, **common)
        return [*asked, (test, test.questions)]
    return [*asked, (task, task.questions[config.questions :])] if more else asked


def _load(config: TrainGRPOConfig, asked: Asked) -> Any:
    policy = load_any(config.model, device="cpu", trust_remote_code=config.trust_remote_code)
    for task, questions in asked:
        task.prompt(questions[0], policy.tokenizer)  # a tokenizer without chat template is refused here
    if policy.tokenizer.pad_token is None:
        policy.tokenizer.pad_token = policy.tokenizer.eos_token
    end_at(policy.model, policy.tokenizer, asked[0][0].stop)
    return policy


def _train(
    config: TrainGRPOConfig, run: RunFolder, asked: Asked, policy: Any, checkpoint: Path | None, *, main: bool
) -> None:
    from datasets import Dataset
    from transformers import PrinterCallback, ProgressCallback

    from antigrad.posttraining.train.grpo.trainer import GRPOTrainer

    data = [
        Dataset.from_list(prompt_rows(task, questions, start))
        for (task, questions), start in zip(asked, (0, config.questions), strict=False)
    ]
    lora: Any = None
    if config.lora:
        from peft import LoraConfig

        given: dict[str, Any] = {"task_type": "CAUSAL_LM", **config.lora}
        lora = LoraConfig(**given)
    arguments = config.arguments(_processes(), anew=checkpoint is None)
    with quiet():
        try:
            trainer = GRPOTrainer(
                model=policy.model,
                reward_funcs=Correct(asked),
                args=arguments,
                train_dataset=data[0],
                eval_dataset=data[1] if len(data) > 1 else None,
                processing_class=policy.tokenizer,
                peft_config=lora,
                credit=config.credit,
                options=config.credit_options,
            )
        except (ValueError, ImportError, RuntimeError) as error:
            if isinstance(error, AntigradError) or "memory" in str(error):
                raise
            raise InputValueError(
                f"{type(error).__name__}: {error}", "options TRL and PEFT take", "change the option they name"
            ) from error
        for callback in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(callback)
        rows = run.ledger.rows()
        alarms = StepAlarms()
        for row in rows:
            if row["kind"] == "train":
                alarms(row)
        if not any(row["kind"] == "setup" for row in rows) and main:
            run.ledger.append({"kind": "setup", "states_from": trainer.states_from} | _shape(trainer))
        with progress("steps", config.steps, done=_step(checkpoint)) as bar:
            if config.certify_every:
                _certify(trainer, config, run)
            append = _Appending(run, bar, {(row["kind"], row.get("step")) for row in rows})
            trainer.add_callback(StepCallback(append, _say, alarms))
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        trainer.save_model(str(config.output / "checkpoints" / "policy"))


def _certify(trainer: Any, config: TrainGRPOConfig, run: RunFolder) -> None:
    from antigrad.language.watch_callback import WatchCallback

    WatchCallback(every=config.certify_every, run=run.path / "certificate").attach(trainer)


class _Appending:
    """Appends rows to the ledger, each step's once, and moves the bar."""

    def __init__(self, run: RunFolder, bar: Any, seen: set[tuple[str, Any]]) -> None:
        self._run, self._bar, self._seen = run, bar, seen

    def __call__(self, row: dict[str, Any]) -> None:
        if row["kind"] == "evaluation" and ("evaluation", row["step"]) in self._seen:
            return
        self._run.ledger.append(row)
        if row["kind"] == "train":
            self._bar.advance(f"reward {row.get('reward', float('nan')):.3f}")


def _shape(trainer: Any) -> dict[str, Any]:
    trained = sum(one.numel() for one in trainer.model.parameters() if one.requires_grad)
    kind = trainer.accelerator.distributed_type.value.lower()
    return {"trained": trained, "processes": trainer.accelerator.num_processes, "parallel": kind}


def _processes() -> int:
    from accelerate import PartialState

    return PartialState().num_processes


def _step(checkpoint: Path | None) -> int:
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0


def _say(text: str) -> None:
    Console(stderr=True).print(f"alarm: {text}", markup=False, highlight=False, soft_wrap=True)


def _forget_after(run: RunFolder, step: int) -> None:
    """Remove the rows of steps that will be made again.

    Args:
        run: The run.
        step: The last step that stays.
    """
    # It begins anew with its first evaluation; certificates count steps from 0.
    _keep_lines(run.ledger.path, lambda row: row["kind"] == "setup" or 0 < step >= row.get("step", 0))
    _keep_lines(run.path / "certificate" / "ledger.jsonl", lambda row: row.get("step", 0) < step)


def _keep_lines(ledger: Path, wanted: Callable[[dict[str, Any]], bool]) -> None:
    if ledger.exists():
        whole = [line for line in ledger.read_text().splitlines(keepends=True) if line.endswith("\n")]
        write_atomic(ledger, "".join(line for line in whole if wanted(json.loads(line))))
