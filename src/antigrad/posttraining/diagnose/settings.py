"""Settings of `antigrad diagnose`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, get_args

from antigrad.core.errors import AntigradError, did_you_mean, raise_all
from antigrad.core.settings import Settings
from antigrad.core.spread import too_many

Advantages = Literal["sample", "population", "none"]

ARMS = (
    "none",
    "positives_only",
    "nthr(eta=0)",
    "nthr(eta=0,anchor=others)",
    "random(eta=0,anchor=others)",
    "w_reinforce",
)


@dataclass(frozen=True)
class DiagnoseConfig(Settings):
    """Settings of the preflight.

    Args:
        model: `smollm2-135m-instruct`, `tiny`, a folder, or a name on the model hub. A folder with a PEFT adapter is
            merged into the model it names as its base; the update is one of all weights.
        tasks: `products`, `reasoning_gym:NAME(option=value)`, `gsm8k:FILE`, or a JSONL file.
        questions: How many questions to ask.
        rollouts: Responses sampled per question (group size).
        arms: Rules for the negative gradient, as `name` or `name(option=value,...)`.
        step_sizes: Learning rates of the one update; each arm is tried with each.
        optimizer: `adamw` or `sgd`, fresh for every update, the same for all arms.
        temperature: Sampling temperature; log-probabilities are taken at it.
        max_new_tokens: Longest response; longer ones are cut and flagged.
        advantages: `sample` (standard deviation as in TRL), `population` (as in the paper's lemma) or `none`.
        vocabulary: Rows of the head the scores use: `full` (exact), `responses` or `top_k`.
        top_k: k of the last.
        epsilon: LLD is a mean change of log-likelihood below this, in nats.
        verifier: `exact`, `last_number`, `math` or `reasoning_gym`; default: the task's.
        style: `raw` or `chat` prompts; default: the task's.
        shots: Worked examples in the prompt; default: the task's.
        rows_at_once: Responses per forward pass.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `bfloat16` or `float16`.
        threads: CPU threads; None leaves torch's choice.
        trust_remote_code: Run code that comes with a model.
        shown: Rows of a table and questions with their tokens on the page, the worst ones; all are in the ledger.
        output: Folder of the run.
        seed: Seed of everything drawn.
        resume: Resume the run in `output`.
    """

    OTHER_NAMES: ClassVar[Mapping[str, str]] = {
        "model_name_or_path": "model", "credit": "arms", "learning_rate": "step_sizes", "num_generations": "rollouts",
        "max_completion_length": "max_new_tokens", "per_device_train_batch_size": "rows_at_once",
        "num_fewshot": "shots", "limit": "questions", "output_dir": "output",
    }  # fmt: skip
    model: str = "smollm2-135m-instruct"
    tasks: str = "products"
    questions: int = 8
    rollouts: int = 8
    arms: list[str] = field(default_factory=lambda: list(ARMS))
    step_sizes: list[float] = field(default_factory=lambda: [1e-6, 1e-5])
    optimizer: str = "adamw"
    temperature: float = 1.0
    max_new_tokens: int = 64
    advantages: Advantages = "sample"
    vocabulary: str = "full"
    top_k: int = 64
    epsilon: float = 0.0
    verifier: str | None = None
    style: str | None = None
    shots: int | None = None
    rows_at_once: int = 16
    device: str = "auto"
    dtype: str = "float32"
    threads: int | None = None
    trust_remote_code: bool = False
    shown: int = 200
    output: Path = Path("runs/diagnose")
    seed: int = 0
    resume: bool = False

    def check(self) -> None:
        """Check every setting that can be checked without loading a model.

        Raises:
            ManyInputsError: All problems at once.
        """
        from antigrad.credit import CREDIT
        from antigrad.credit.vocabulary import check_vocabulary
        from antigrad.language.policy import DTYPES
        from antigrad.language.tasks import Style
        from antigrad.language.tasks.verifiers import VERIFIERS
        from antigrad.posttraining.diagnose.update import check_optimizer

        problems: list[str] = []
        for name, least in (
            ("questions", 1),
            ("rollouts", 2),
            ("max_new_tokens", 1),
            ("top_k", 1),
            ("rows_at_once", 1),
            ("shown", 1),
            ("seed", 0),
            ("shots", 0),
            ("threads", 1),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                problems.append(f"{name}={value}: at least {least} is needed")
        for name, known in (
            ("advantages", get_args(Advantages)),
            ("dtype", DTYPES),
            ("style", get_args(Style)),
            ("verifier", VERIFIERS),
        ):
            value = getattr(self, name)
            if value is not None and value not in known:
                problems.append(f"{name}={value}: {did_you_mean(str(value), known)}")
        if not 0 < self.temperature < math.inf:
            problems.append(f"temperature={self.temperature}: a number above 0 is needed")
        if not math.isfinite(self.epsilon):
            problems.append(f"epsilon={self.epsilon}: a finite number is needed")
        if not self.arms:
            problems.append("arms is empty: name at least one, for example none")
        if len(set(self.arms)) != len(self.arms):
            problems.append(f"arms={','.join(self.arms)}: each arm once")
        if not self.step_sizes or not all(0 < size < math.inf for size in self.step_sizes):
            problems.append(f"step_sizes={self.step_sizes}: at least one number above 0, and no other")
        if len(set(self.step_sizes)) != len(self.step_sizes):
            problems.append(f"step_sizes={self.step_sizes}: each step size once")
        checks = [lambda: check_optimizer(self.optimizer), lambda: check_vocabulary(self.vocabulary)]
        checks += [lambda spec=spec: CREDIT.make(spec) for spec in self.arms]
        for attempt in checks:
            try:
                attempt()
            except (AntigradError, TypeError) as error:
                problems.append(str(error))
        problems += too_many("threads", self.threads)
        raise_all("settings of diagnose", problems)
