"""Settings of `antigrad diagnose pairs`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, get_args

from antigrad.core.errors import AntigradError, did_you_mean, raise_all
from antigrad.core.settings import Settings
from antigrad.core.spread import too_many

ARMS = ("none", "vpo", "safe", "fixed(factor=0.5)")
OF = "vpo"
"""Rule whose factors the orders hand out."""
ORDERS = {
    "PVI": OF,
    "shuffled": f"shuffled(of={OF})",
    "reversed": f"reversed(of={OF})",
    "CHES": f"ches(of={OF})",
    "likelihood": f"low_confidence(of={OF})",
}
"""Orders of the same factors; the sixth is their mean on every pair."""


@dataclass(frozen=True)
class DiagnosePairsConfig(Settings):
    """Settings of the preflight on pairs.

    Args:
        model: `smollm2-135m-instruct`, `tiny`, a folder, or a name on the model hub.
        pairs: Parquet, JSON or JSON Lines file, or `hf:NAME(split=train)`; empty makes pairs from the model's own
            answers to `tasks`.
        tasks: `word_problems`, `reasoning_gym:NAME(option=value)`, `gsm8k:FILE`, or a JSONL file.
        limit: Pairs to diagnose, spread over the prompts.
        arms: Rules for rejected responses, as `name` or `name(option=value,...)`.
        orders: Try the same factors in six orders as well: by PVI, shuffled, reversed, by CHES, by likelihood, and
            their mean on every pair; measured by both responses alone. It needs the gold answer of every pair, or its
            PVI.
        step_size: Learning rate of the one update.
        optimizer: `adamw` or `sgd`, fresh for every update, the same for all arms.
        beta: β of DPO.
        named: Tokens named per place of the mass receipt.
        questions: Questions of `tasks` to answer.
        samples: Answers sampled per question.
        pairs_a_question: Pairs of a correct and a wrong answer to one question at most.
        sampling_temperature: Temperature of those answers.
        max_new_tokens: Longest of those answers, and of the greedy one.
        max_length: Longest pair in tokens; longer ones are left out whole, and listed.
        answer_marker: What stands between a response's reasoning and its final answer; for PVI.
        verifier: `exact`, `last_number`, `math` or `reasoning_gym`; default: the task's.
        style: `raw` or `chat` prompts; default: the task's.
        shots: Worked examples in the prompt; default: the task's.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `bfloat16` or `float16`.
        threads: CPU threads; None leaves torch's choice.
        trust_remote_code: Run code that comes with a model.
        shown: Rows of a table and pairs with their tokens on the page, the worst ones; all are in the ledger.
        output: Folder of the run.
        seed: Seed of everything drawn.
        resume: Resume the run in `output`.
    """

    OTHER_NAMES: ClassVar[Mapping[str, str]] = {
        "model_name_or_path": "model", "credit": "arms", "learning_rate": "step_size", "num_fewshot": "shots",
        "dataset_name": "pairs", "output_dir": "output",
    }  # fmt: skip
    model: str = "smollm2-135m-instruct"
    pairs: str = ""
    tasks: str = "word_problems"
    limit: int = 16
    arms: list[str] = field(default_factory=lambda: list(ARMS))
    orders: bool = True
    step_size: float = 1e-6
    optimizer: str = "adamw"
    beta: float = 0.05
    named: int = 3
    questions: int = 8
    samples: int = 12
    pairs_a_question: int = 4
    sampling_temperature: float = 0.8
    max_new_tokens: int = 32
    max_length: int = 512
    answer_marker: str = " The answer is"
    verifier: str | None = None
    style: str | None = None
    shots: int | None = None
    device: str = "auto"
    dtype: str = "float32"
    threads: int | None = None
    trust_remote_code: bool = False
    shown: int = 200
    output: Path = Path("runs/diagnose-pairs")
    seed: int = 0
    resume: bool = False

    def check(self) -> None:
        """Check every setting that can be checked without loading a model.

        Raises:
            ManyInputsError: All problems at once.
        """
        from antigrad.credit.pairs import PAIR_CREDIT
        from antigrad.language.policy import DTYPES
        from antigrad.language.tasks import Style
        from antigrad.language.tasks.verifiers import VERIFIERS
        from antigrad.posttraining.diagnose.update import check_optimizer

        problems: list[str] = []
        for name, least in (
            ("limit", 1), ("named", 1), ("questions", 1), ("samples", 2), ("pairs_a_question", 1),
            ("max_new_tokens", 1), ("max_length", 2), ("shown", 1), ("seed", 0), ("shots", 0), ("threads", 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and value < least:
                problems.append(f"{name}={value}: at least {least} is needed")
        problems += [
            f"{name}={value}: a finite number above 0 is needed"
            for name in ("step_size", "beta", "sampling_temperature")
            if not 0 < (value := getattr(self, name)) < math.inf
        ]
        for name, known in (("dtype", DTYPES), ("style", get_args(Style)), ("verifier", VERIFIERS)):
            value = getattr(self, name)
            if value is not None and value not in known:
                problems.append(f"{name}={value}: {did_you_mean(str(value), known)}")
        if "none" not in self.arms:
            problems.append("arms lacks none: the others are compared with it")
        if len(set(self.arms)) != len(self.arms):
            problems.append(f"arms={','.join(self.arms)}: each arm once")
        for attempt in (
            lambda: check_optimizer(self.optimizer),
            *(lambda s=spec: PAIR_CREDIT.make(s) for spec in self.arms),
        ):
            try:
                attempt()
            except (AntigradError, TypeError) as error:
                problems.append(str(error))
        problems += too_many("threads", self.threads)
        raise_all("settings of diagnose pairs", problems)
