"""Settings that every training has, what TRL receives of them, and their checks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, get_args

import torch

from antigrad.core.errors import did_you_mean
from antigrad.core.settings import Settings
from antigrad.core.spread import too_many
from antigrad.language.quiet import no_renamings
from antigrad.posttraining.train.options import check_adapter, check_lora, check_trl

OURS = {
    "output_dir": "output", "learning_rate": "learning_rate", "max_steps": "steps", "seed": "seed",
    "per_device_train_batch_size": "rows_at_once", "logging_steps": "log_every", "logging_strategy": "log_every",
    "save_steps": "save_every", "save_strategy": "save_every", "use_cpu": "device", "bf16": "dtype", "fp16": "dtype",
    "resume_from_checkpoint": "resume", "trust_remote_code": "trust_remote_code",
}  # fmt: skip
"""Options of TRL that are settings of every training here."""
EVALUATED = {
    "per_device_eval_batch_size": "rows_at_once", "eval_steps": "evaluate_every", "eval_strategy": "evaluate_every",
    "eval_on_start": "evaluate_every",
}  # fmt: skip
"""Further ones of those that evaluate in between."""


@dataclass(frozen=True)
class TrainConfig(Settings):
    """Settings that every training has; the defaults are those of a run on one CPU.

    Args:
        model: `smollm2-135m-instruct`, `tiny`, a folder, or a name on the model hub. Of a folder with a PEFT adapter,
            the adapter is trained on, and what it was is the reference where there is one.
        tasks: `products`, `reasoning_gym:NAME(option=value)`, `gsm8k:FILE`, or a JSONL file.
        questions: Questions of `tasks` to train on.
        held_out: Questions that are asked and never trained on.
        steps: Optimizer steps.
        rows_at_once: Rows per forward and backward, in each process.
        learning_rate: Of AdamW, the highest of TRL's schedule.
        max_new_tokens: Longest answer that is sampled.
        certify_every: Steps between certificates of the optimizer's step; 0 for none.
        log_every: Steps between rows.
        save_every: Steps between checkpoints; a run that was interrupted resumes from the last one.
        verifier: `exact`, `last_number`, `math` or `reasoning_gym`; default: the task's.
        style: `raw` or `chat` prompts; default: the task's.
        shots: Worked examples in the prompt; default: the task's.
        lora: Options of PEFT's `LoraConfig`, as `--lora.r=16`; none trains all weights.
        trl: Any other option of TRL's configuration, as `--trl.weight_decay=0.1`.
        device: `auto`, `cpu` or `cuda`.
        dtype: `float32`, or `bfloat16` for mixed precision.
        threads: CPU threads; None leaves torch's choice.
        trust_remote_code: Run code that comes with a model.
        shown: Rows of a table on the page, at even distances; all are in the ledger.
        output: Folder of the run.
        seed: Seed of everything drawn.
        resume: Resume the run in `output`.
    """

    OTHER_NAMES: ClassVar[Mapping[str, str]] = {
        "model_name_or_path": "model", "max_steps": "steps", "per_device_train_batch_size": "rows_at_once",
        "logging_steps": "log_every", "save_steps": "save_every", "eval_steps": "evaluate_every",
        "num_fewshot": "shots", "output_dir": "output",
    }  # fmt: skip
    TRL_CONFIG: ClassVar[str]
    """Name of TRL's configuration that the options in `trl` are of."""

    model: str = "smollm2-135m-instruct"
    tasks: str = "products"
    questions: int = 32
    held_out: int = 16
    steps: int = 100
    rows_at_once: int = 4
    learning_rate: float = 1e-6
    max_new_tokens: int = 64
    certify_every: int = 0
    log_every: int = 1
    save_every: int = 50
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
    output: Path = Path("runs/train")
    seed: int = 0
    resume: bool = False

    @classmethod
    def our_name(cls, name: str) -> str | None:
        """Find the setting that TRL has a name for: one of ours, or an option in `trl`.

        Args:
            name: A flag without its dashes.

        Returns:
            What it is called here, or None.
        """
        own = super().our_name(name)
        if own in cls.__dataclass_fields__:
            return own
        import trl

        return f"trl.{name}" if name in {one.name for one in fields(getattr(trl, cls.TRL_CONFIG))} else None

    def options(self, ours: Mapping[str, Any]) -> dict[str, Any]:
        """What TRL's configuration is made with.

        Args:
            ours: Options that follow from settings of one trainer.

        Returns:
            Options: TRL's defaults but for reports and bars, then what was asked of TRL, then what settings decide.
        """
        common: dict[str, Any] = {
            "output_dir": str(self.output / "checkpoints"),
            "per_device_train_batch_size": self.rows_at_once,
            "max_steps": self.steps,
            "learning_rate": self.learning_rate,
            "seed": self.seed,
            "logging_steps": self.log_every,
            "save_strategy": "steps",
            "save_steps": self.save_every,
            "use_cpu": self.device == "cpu",
            "bf16": self.dtype == "bfloat16",
            "trust_remote_code": self.trust_remote_code,
        }
        quiet: dict[str, Any] = {"report_to": [], "save_total_limit": 2, "disable_tqdm": True}
        if self.device == "cpu":
            quiet |= {"dataloader_pin_memory": False, "gradient_checkpointing": False}
        return quiet | self.trl | common | dict(ours)

    def made(self, kind: type[Any], ours: Mapping[str, Any]) -> Any:
        """Make TRL's configuration.

        Args:
            kind: Its class.
            ours: Options that follow from settings of one trainer.

        Returns:
            The configuration.
        """
        with no_renamings():
            return kind(**self.options(ours))

    def numbers(self, least: Mapping[str, int], positive: Sequence[str] = ()) -> list[str]:
        """Check numbers.

        Args:
            least: Settings of one trainer that are whole numbers, and the least of each.
            positive: Settings of it that are above 0.

        Returns:
            Problems, of the settings of every training too.
        """
        common = {
            "questions": 1, "held_out": 0, "steps": 1, "rows_at_once": 1, "max_new_tokens": 1, "certify_every": 0,
            "log_every": 1, "save_every": 1, "seed": 0, "shots": 0, "threads": 1, "shown": 1,
        }  # fmt: skip
        problems = [
            f"{name}={value}: at least {bound} is needed"
            for name, bound in (common | dict(least)).items()
            if (value := getattr(self, name)) is not None and value < bound
        ]
        problems += too_many("threads", self.threads)
        return problems + [
            f"{name}={value}: a finite number above 0 is needed"
            for name in ("learning_rate", *positive)
            if not 0 < (value := getattr(self, name)) < math.inf
        ]

    def choices(self, more: Sequence[tuple[str, Sequence[str]]] = ()) -> list[str]:
        """Check words.

        Args:
            more: Settings of one trainer that are words, and which there are.

        Returns:
            Problems, of the settings of every training too.
        """
        from antigrad.language.tasks import Style
        from antigrad.language.tasks.verifiers import VERIFIERS

        known = (
            ("style", get_args(Style)),
            ("dtype", ("float32", "bfloat16")),
            ("device", ("auto", "cpu", "cuda")),
            ("verifier", tuple(VERIFIERS)),
            *more,
        )
        problems = [
            f"{name}={value}: {did_you_mean(str(value), words)}"
            for name, words in known
            if (value := getattr(self, name)) is not None and value not in words
        ]
        if self.device == "cuda" and not torch.cuda.is_available():
            problems.append("device=cuda: there is none here; use auto or cpu")
        return problems

    def others(self, kind: type[Any], ours: Mapping[str, str], *, whole: Sequence[str] = ()) -> list[str]:
        """Check options of TRL and PEFT.

        Args:
            kind: TRL's configuration.
            ours: Its options that are settings of one trainer, and which.
            whole: Its options that take a whole number from 1, though their defaults do not say so.

        Returns:
            Problems.
        """
        problems = check_trl(self.trl, kind, OURS | dict(ours), whole=whole)
        return problems + (check_lora(self.lora) or check_adapter(self.model, self.lora))

    def accumulation_of(self, rows: int, processes: int) -> int:
        """Forwards an optimizer step.

        Args:
            rows: Rows per optimizer step.
            processes: How many train.

        Returns:
            Rows over rows at once of all processes; 0 if that is no whole number.
        """
        once = self.rows_at_once * processes
        return 0 if once <= 0 or rows % once else rows // once

    def row_problems(self) -> list[str]:
        """Check that a run that was interrupted writes the same rows: what is logged is a mean since the last row.

        Returns:
            Problems.
        """
        if self.save_every % self.log_every == 0:
            return []
        given = f"save_every={self.save_every}, log_every={self.log_every}"
        return [f"{given}: a multiple, so that a run that was interrupted writes the same rows"]
