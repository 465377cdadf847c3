"""Settings of `antigrad train grpo`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import torch

from antigrad.core.errors import ManyInputsError, did_you_mean, raise_all
from antigrad.posttraining.train.grpo.options import CreditOptions, check_options
from antigrad.posttraining.train.options import check_adapter, check_lora, check_trl

OURS = {
    "output_dir": "output", "learning_rate": "learning_rate", "max_steps": "steps", "seed": "seed",
    "num_generations": "rollouts", "per_device_train_batch_size": "rows_at_once",
    "per_device_eval_batch_size": "rows_at_once", "gradient_accumulation_steps": "prompts, rollouts, rows_at_once",
    "steps_per_generation": "updates", "generation_batch_size": "prompts", "temperature": "temperature",
    "max_completion_length": "max_new_tokens", "logging_steps": "log_every", "save_steps": "save_every",
    "eval_steps": "evaluate_every", "eval_strategy": "evaluate_every", "eval_on_start": "evaluate_every",
    "logging_strategy": "log_every", "save_strategy": "save_every", "use_cpu": "device", "bf16": "dtype",
    "fp16": "dtype", "resume_from_checkpoint": "resume", "trust_remote_code": "trust_remote_code",
}  # fmt: skip
"""Options of TRL that are settings of ours."""


@dataclass(frozen=True)
class TrainGRPOConfig:
    """Settings of `antigrad train grpo`; the defaults are those of a run on one CPU.

    Args:
        model: `smollm2-135m-instruct`, `tiny`, a folder, or a name on the model hub. Of a folder with a PEFT adapter,
            the adapter is trained on, and a KL term holds it to what it was.
        tasks: `products`, `reasoning_gym:NAME(option=value)`, `gsm8k:FILE`, or a JSONL file.
        credit: Rule for the negative gradient, as `name` or `name(option=value,...)`.
        questions: Questions to train on.
        held_out: Questions that are asked and never trained on.
        held_out_tasks: Their task; None takes further questions of `tasks`.
        steps: Optimizer steps.
        prompts: Prompts of a generation batch.
        rollouts: Responses sampled a prompt (group size).
        updates: Optimizer steps a generation batch is cut into.
        learning_rate: Of AdamW, the highest of TRL's schedule.
        temperature: Sampling temperature.
        max_new_tokens: Longest response.
        rows_at_once: Responses a forward and backward, in each process.
        vocabulary: Rows of the head that scores use: `full` (exact), `responses` or `top_k`.
        top_k: k of the last.
        resample: How often at most a batch is filled up with other prompts where groups have no contrast.
        measure_every: Steps between measurements of what a step did to its own responses; 0 for never.
        certify_every: Steps between certificates of the optimizer's step; 0 for none.
        log_every: Steps between rows.
        save_every: Steps between checkpoints; a run that was interrupted goes on from the last one.
        evaluate_every: Steps between evaluations on the held-out questions; 0 for none.
        verifier: `exact`, `last_number`, `math` or `reasoning_gym`; None takes the task's own.
        style: `raw` or `chat` prompts; None takes the task's own.
        shots: Worked examples in the prompt; None takes the task's own.
        lora: Options of PEFT's `LoraConfig`, as `--lora.r=16`; none trains all weights.
        trl: Any other option of TRL's `GRPOConfig`, as `--trl.loss_type=dr_grpo`.
        device: `auto`, `cpu` or `cuda`.
        dtype: `float32`, or `bfloat16` for mixed precision.
        threads: CPU threads; None leaves torch's choice.
        trust_remote_code: Run code that comes with a model.
        shown: Rows of a table on the page, at even distances; all are in the ledger.
        output: Folder of the run.
        seed: Seed of everything drawn.
        resume: Go on with the run in `output`.
    """

    model: str = "smollm2-135m-instruct"
    tasks: str = "products"
    credit: str = "none"
    questions: int = 32
    held_out: int = 16
    held_out_tasks: str | None = None
    steps: int = 100
    prompts: int = 8
    rollouts: int = 8
    updates: int = 1
    learning_rate: float = 1e-6
    temperature: float = 1.0
    max_new_tokens: int = 64
    rows_at_once: int = 16
    vocabulary: str = "full"
    top_k: int = 64
    resample: int = 0
    measure_every: int = 10
    certify_every: int = 0
    log_every: int = 1
    save_every: int = 50
    evaluate_every: int = 50
    verifier: str | None = None
    style: str | None = None
    shots: int | None = None
    lora: dict[str, Any] = field(default_factory=dict[str, Any])
    trl: dict[str, Any] = field(default_factory=dict[str, Any])
    device: str = "auto"
    dtype: str = "float32"
    threads: int | None = None
    trust_remote_code: bool = False
    shown: int = 200
    output: Path = Path("runs/grpo")
    seed: int = 0
    resume: bool = False

    @property
    def credit_options(self) -> CreditOptions:
        """The options of the rule."""
        return CreditOptions(
            vocabulary=self.vocabulary, top_k=self.top_k, resample=self.resample, measure_every=self.measure_every
        )

    def accumulation(self, processes: int) -> int:
        """Forwards an optimizer step.

        Args:
            processes: How many train.

        Returns:
            Prompts × rollouts of an update over rows at once of all processes; 0 if that is no whole number.
        """
        rows, once = self.prompts * self.rollouts, self.updates * self.rows_at_once * processes
        return 0 if once <= 0 or rows % once else rows // once

    def arguments(self, processes: int, *, anew: bool = True) -> Any:
        """TRL's own configuration.

        Args:
            processes: How many train.
            anew: Whether training begins with the first step.

        Returns:
            A `GRPOConfig`.
        """
        from trl import GRPOConfig

        accumulation = self.accumulation(processes)
        every = self.evaluate_every if self.held_out else 0
        group = int(self.trl.get("num_generations_eval") or self.rollouts)
        ours: dict[str, Any] = {
            "output_dir": str(self.output / "checkpoints"),
            "per_device_train_batch_size": self.rows_at_once,
            # An evaluation's batch has to hold whole groups; without gradients it may hold more rows.
            "per_device_eval_batch_size": group * max(1, 4 * self.rows_at_once // group),
            "gradient_accumulation_steps": accumulation,
            "steps_per_generation": self.updates * accumulation,
            "num_generations": self.rollouts,
            "max_completion_length": self.max_new_tokens,
            "max_steps": self.steps,
            "learning_rate": self.learning_rate,
            "temperature": self.temperature,
            "seed": self.seed,
            "logging_steps": self.log_every,
            "save_strategy": "steps",
            "save_steps": self.save_every,
            "eval_strategy": "steps" if every else "no",
            "eval_steps": every or None,
            "eval_on_start": bool(every) and anew,
            "use_cpu": self.device == "cpu",
            "bf16": self.dtype == "bfloat16",
            "trust_remote_code": self.trust_remote_code,
        }
        # TRL's defaults but for these, which --trl can set: no report to a service, and steps that resume alike.
        quiet: dict[str, Any] = {"report_to": [], "save_total_limit": 2, "disable_tqdm": True}
        if self.device == "cpu":
            quiet |= {"dataloader_pin_memory": False, "gradient_checkpointing": False}
        return GRPOConfig(**(quiet | self.trl | ours))

    def check(self, processes: int = 1) -> None:
        """Check every setting that can be checked without loading a model.

        Args:
            processes: How many train.

        Raises:
            ManyInputsError: All problems at once.
        """
        from trl import GRPOConfig

        from antigrad.language.tasks import Style
        from antigrad.language.tasks.verifiers import VERIFIERS

        problems = _numbers(self)
        choices = (
            ("style", get_args(Style)),
            ("dtype", ("float32", "bfloat16")),
            ("device", ("auto", "cpu", "cuda")),
            ("verifier", VERIFIERS),
        )
        for name, known in choices:
            value = getattr(self, name)
            if value is not None and value not in known:
                problems.append(f"{name}={value}: {did_you_mean(str(value), known)}")
        if self.device == "cuda" and not torch.cuda.is_available():
            problems.append("device=cuda: there is none here; use auto or cpu")
        if self.prompts > self.questions:
            problems.append(
                f"prompts={self.prompts} of questions={self.questions}: a batch asks each question once; "
                "fewer prompts or more questions"
            )
        if not problems and self.prompts % processes:
            problems.append(
                f"prompts={self.prompts} with {processes} processes: groups would straddle processes; a multiple of "
                f"{processes} is needed"
            )
        if not problems and not self.accumulation(processes):
            given = f"prompts × rollouts = {self.prompts * self.rollouts}, updates={self.updates}"
            given += f", rows_at_once={self.rows_at_once}" + (f", {processes} processes" if processes > 1 else "")
            problems.append(f"{given}: the first must be a multiple of the product of the others")
        problems += check_trl(self.trl, GRPOConfig, OURS, whole=("num_iterations", "num_generations_eval"))
        problems += check_lora(self.lora) or check_adapter(self.model, self.lora)
        if not problems:
            try:
                arguments = self.arguments(processes)
            except (ValueError, TypeError) as error:
                problems.append(f"TRL refuses its options: {error}")
            else:
                try:
                    check_options(self.credit, self.credit_options, arguments, ["correct"], processes)
                except ManyInputsError as error:
                    problems += error.problems
        raise_all("settings of train grpo", problems)


def _numbers(config: TrainGRPOConfig) -> list[str]:
    least: Mapping[str, int] = {
        "questions": 1, "held_out": 0, "steps": 1, "prompts": 1, "rollouts": 2, "updates": 1, "max_new_tokens": 1,
        "rows_at_once": 1, "certify_every": 0, "log_every": 1, "save_every": 1, "evaluate_every": 0, "seed": 0,
        "shots": 0, "threads": 1, "shown": 1,
    }  # fmt: skip
    problems = [
        f"{name}={value}: at least {bound} is needed"
        for name, bound in least.items()
        if (value := getattr(config, name)) is not None and value < bound
    ]
    problems += [
        f"{name}={value}: a finite number above 0 is needed"
        for name in ("learning_rate", "temperature")
        if not 0 < (value := getattr(config, name)) < math.inf
    ]
    return problems
