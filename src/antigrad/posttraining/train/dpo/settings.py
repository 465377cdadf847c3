"""Settings of `antigrad train dpo`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import torch

from antigrad.core.errors import AntigradError, ManyInputsError, did_you_mean, raise_all
from antigrad.credit.pairs import PAIR_CREDIT
from antigrad.posttraining.train.dpo.options import check_options
from antigrad.posttraining.train.options import check_lora, check_trl

OURS = {
    "output_dir": "output", "learning_rate": "learning_rate", "max_steps": "steps", "seed": "seed", "beta": "beta",
    "per_device_train_batch_size": "rows_at_once", "per_device_eval_batch_size": "rows_at_once",
    "gradient_accumulation_steps": "pairs_a_step, rows_at_once", "max_length": "max_length",
    "logging_steps": "log_every", "save_steps": "save_every", "eval_steps": "evaluate_every",
    "eval_strategy": "evaluate_every", "eval_on_start": "evaluate_every", "logging_strategy": "log_every",
    "save_strategy": "save_every", "use_cpu": "device", "bf16": "dtype", "fp16": "dtype",
    "resume_from_checkpoint": "resume", "trust_remote_code": "trust_remote_code",
}  # fmt: skip
"""Options of TRL that are settings of ours."""


@dataclass(frozen=True)
class TrainDPOConfig:
    """Settings of `antigrad train dpo`; the defaults are those of a run on one CPU.

    Args:
        model: `smollm2-135m-instruct`, `tiny`, a folder, or a name on the model hub.
        pairs: Parquet, JSON or JSON Lines file, or `hf:NAME(split=train)`; empty makes pairs from the model's own
            answers to `tasks`.
        tasks: `products`, `reasoning_gym:NAME(option=value)`, `gsm8k:FILE`, or a JSONL file.
        credit: Rule for the factor of rejected responses, as `name` or `name(option=value,...)`.
        questions: Questions of `tasks` to answer.
        samples: Answers sampled a question.
        pairs_a_question: Pairs of a correct and a wrong answer to one question at most.
        sampling_temperature: Temperature of those answers.
        max_new_tokens: Longest of those answers.
        held_out: Pairs, of prompts of their own, that are measured and never trained on.
        steps: Optimizer steps.
        pairs_a_step: Pairs an optimizer step.
        rows_at_once: Pairs a forward and backward, in each process.
        beta: β of DPO; 0.05 is VPO's.
        learning_rate: Of AdamW, the highest of TRL's schedule; 5e-7 is VPO's, for models of billions of weights.
        max_length: Longest pair in tokens; longer ones are left out whole, and listed.
        answer_marker: What stands between a response's reasoning and its final answer; for PVI.
        pvi_cut: Leave the response's own final answer out when PVI is measured.
        pvi_pooling: `sum` over the tokens of the gold answer, `mean`, or the `first` only.
        measure_every: Steps between measurements of the probe responses; 0 for never.
        probe_pairs: Held-out pairs (else training pairs) that are probed.
        certify_every: Steps between certificates of the optimizer's step; 0 for none.
        log_every: Steps between rows.
        save_every: Steps between checkpoints; a run that was interrupted goes on from the last one.
        evaluate_every: Steps between evaluations on the held-out pairs; 0 for none.
        verifier: `exact`, `last_number`, `math` or `reasoning_gym`; None takes the task's own.
        style: `raw` or `chat` prompts; None takes the task's own.
        shots: Worked examples in the prompt; None takes the task's own.
        lora: Options of PEFT's `LoraConfig`, as `--lora.r=16`; none trains all weights.
        trl: Any other option of TRL's `DPOConfig`, as `--trl.loss_type=ipo`.
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
    pairs: str = ""
    tasks: str = "products"
    credit: str = "none"
    questions: int = 32
    samples: int = 10
    pairs_a_question: int = 5
    sampling_temperature: float = 0.8
    max_new_tokens: int = 64
    held_out: int = 16
    steps: int = 100
    pairs_a_step: int = 8
    rows_at_once: int = 4
    beta: float = 0.05
    learning_rate: float = 5e-7
    max_length: int = 512
    answer_marker: str = " The answer is"
    pvi_cut: bool = True
    pvi_pooling: str = "sum"
    measure_every: int = 10
    probe_pairs: int = 8
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
    output: Path = Path("runs/dpo")
    seed: int = 0
    resume: bool = False

    def accumulation(self, processes: int) -> int:
        """Forwards an optimizer step.

        Args:
            processes: How many train.

        Returns:
            Pairs a step over pairs at once of all processes; 0 if that is no whole number.
        """
        once = self.rows_at_once * processes
        return 0 if once <= 0 or self.pairs_a_step % once else self.pairs_a_step // once

    def arguments(self, processes: int, *, anew: bool = True, evaluated: bool = True) -> Any:
        """TRL's own configuration.

        Args:
            processes: How many train.
            anew: Whether training begins with the first step.
            evaluated: Whether there are held-out pairs.

        Returns:
            A `DPOConfig`.
        """
        from trl import DPOConfig

        every = self.evaluate_every if evaluated else 0
        ours: dict[str, Any] = {
            "output_dir": str(self.output / "checkpoints"),
            "per_device_train_batch_size": self.rows_at_once,
            "per_device_eval_batch_size": self.rows_at_once,
            "gradient_accumulation_steps": self.accumulation(processes),
            "max_steps": self.steps,
            "max_length": self.max_length,
            "learning_rate": self.learning_rate,
            "beta": self.beta,
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
        quiet: dict[str, Any] = {"report_to": [], "save_total_limit": 2, "disable_tqdm": True}
        if self.device == "cpu":
            quiet |= {"dataloader_pin_memory": False, "gradient_checkpointing": False}
        return DPOConfig(**(quiet | self.trl | ours))

    def check(self, processes: int = 1) -> None:
        """Check every setting that can be checked without loading a model.

        Args:
            processes: How many train.

        Raises:
            ManyInputsError: All problems at once.
        """
        from trl import DPOConfig

        from antigrad.language.tasks import Style
        from antigrad.language.tasks.verifiers import VERIFIERS
        from antigrad.posttraining.pairs.pvi import Pooling

        problems = _numbers(self)
        choices = (
            ("style", get_args(Style)),
            ("dtype", ("float32", "bfloat16")),
            ("device", ("auto", "cpu", "cuda")),
            ("verifier", VERIFIERS),
            ("pvi_pooling", get_args(Pooling)),
        )
        for name, known in choices:
            value = getattr(self, name)
            if value is not None and value not in known:
                problems.append(f"{name}={value}: {did_you_mean(str(value), known)}")
        if self.device == "cuda" and not torch.cuda.is_available():
            problems.append("device=cuda: there is none here; use auto or cpu")
        if not problems and not self.accumulation(processes):
            given = f"pairs_a_step={self.pairs_a_step}, rows_at_once={self.rows_at_once}"
            given += f", {processes} processes" if processes > 1 else ""
            problems.append(f"{given}: the first must be a multiple of the product of the others")
        if not problems and self.save_every % self.log_every:
            given = f"save_every={self.save_every}, log_every={self.log_every}"
            problems.append(f"{given}: a multiple, so that a run that was interrupted writes the same rows")
        problems += check_trl(self.trl, DPOConfig, OURS)
        problems += check_lora(self.lora)
        try:
            PAIR_CREDIT.make(self.credit)
        except (AntigradError, TypeError) as error:
            problems.append(f"credit={self.credit}: {error}")
        if not problems:
            try:
                check_options(self.credit, self.arguments(processes))
            except ManyInputsError as error:
                problems += error.problems
            except (ValueError, TypeError, AntigradError) as error:
                problems.append(f"TRL refuses its options: {error}")
        raise_all("settings of train dpo", problems)


def _numbers(config: TrainDPOConfig) -> list[str]:
    least: Mapping[str, int] = {
        "questions": 1, "samples": 2, "pairs_a_question": 1, "max_new_tokens": 1, "held_out": 0, "steps": 1,
        "pairs_a_step": 1, "rows_at_once": 1, "max_length": 2, "measure_every": 0, "probe_pairs": 1,
        "certify_every": 0, "log_every": 1, "save_every": 1, "evaluate_every": 0, "seed": 0, "shots": 0,
        "threads": 1, "shown": 1,
    }  # fmt: skip
    problems = [
        f"{name}={value}: at least {bound} is needed"
        for name, bound in least.items()
        if (value := getattr(config, name)) is not None and value < bound
    ]
    problems += [
        f"{name}={value}: a finite number above 0 is needed"
        for name in ("learning_rate", "beta", "sampling_temperature")
        if not 0 < (value := getattr(config, name)) < math.inf
    ]
    return problems
