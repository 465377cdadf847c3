"""Settings of `antigrad train grpo`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from antigrad.core.errors import AntigradError, ManyInputsError, raise_all
from antigrad.core.own import attribute
from antigrad.posttraining.train.grpo.options import CreditOptions, check_options
from antigrad.posttraining.train.settings import EVALUATED, TrainConfig

OURS = EVALUATED | {
    "num_generations": "rollouts", "gradient_accumulation_steps": "prompts, rollouts, rows_at_once",
    "steps_per_generation": "updates", "generation_batch_size": "prompts", "temperature": "temperature",
    "max_completion_length": "max_new_tokens", "log_completions": "log_completions",
}  # fmt: skip
"""Options of TRL that are settings of this trainer."""


@dataclass(frozen=True)
class TrainGRPOConfig(TrainConfig):
    """Settings of `antigrad train grpo`; the defaults are those of a run on one CPU.

    Args:
        credit: Rule for the negative gradient, as `name` or `name(option=value,...)`.
        held_out_tasks: Task of the held-out questions; default: further questions of `tasks`.
        prompts: Prompts of a generation batch.
        rollouts: Responses sampled per prompt (group size).
        updates: Optimizer steps a generation batch is cut into.
        temperature: Sampling temperature.
        max_new_tokens: Longest response.
        rows_at_once: Responses per forward and backward, in each process.
        vocabulary: Rows of the head that scores use: `full` (exact), `responses` or `top_k`.
        top_k: k of the last.
        resample: How often at most a batch is filled up with other prompts in place of zero-variance groups.
        measure_every: Steps between measurements of what a step did to its own responses; 0 for never.
        log_completions: Keep the responses of measured steps in the ledger, with rewards, weights and tokens.
        metrics: Functions of your own, as `file.py:name` or `module:name`, called as TRL's reward functions are
            (`completions`, `prompts`, and the row's `question`); their means are logged as `metric/name`, in training
            and on held-out questions, and change nothing.
        evaluate_every: Steps between evaluations on the held-out questions; 0 for none.
        trl: Any other option of TRL's `GRPOConfig`, as `--trl.loss_type=dr_grpo`.
    """

    OTHER_NAMES: ClassVar[Mapping[str, str]] = {
        **TrainConfig.OTHER_NAMES,
        "num_generations": "rollouts", "max_completion_length": "max_new_tokens",
    }  # fmt: skip
    TRL_CONFIG: ClassVar[str] = "GRPOConfig"
    credit: str = "none"
    held_out_tasks: str | None = None
    prompts: int = 8
    rollouts: int = 8
    updates: int = 1
    temperature: float = 1.0
    rows_at_once: int = 16
    vocabulary: str = "full"
    top_k: int = 64
    resample: int = 0
    measure_every: int = 10
    log_completions: bool = True
    metrics: list[str] = field(default_factory=list[str])
    evaluate_every: int = 50
    output: Path = Path("runs/grpo")

    @property
    def credit_options(self) -> CreditOptions:
        """The options of the rule."""
        return CreditOptions(
            vocabulary=self.vocabulary,
            top_k=self.top_k,
            resample=self.resample,
            measure_every=self.measure_every,
            log_completions=self.log_completions,
            metrics=tuple(attribute(name) for name in self.metrics),
        )

    def accumulation(self, processes: int) -> int:
        """Forwards an optimizer step.

        Args:
            processes: How many train.

        Returns:
            Prompts × rollouts of an update over rows at once of all processes; 0 if that is no whole number.
        """
        rows, updates = self.prompts * self.rollouts, self.updates
        return 0 if updates < 1 or rows % updates else self.accumulation_of(rows // updates, processes)

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
            # An evaluation's batch has to hold whole groups; without gradients it may hold more rows.
            "per_device_eval_batch_size": group * max(1, 4 * self.rows_at_once // group),
            "gradient_accumulation_steps": accumulation,
            "steps_per_generation": self.updates * accumulation,
            "num_generations": self.rollouts,
            "max_completion_length": self.max_new_tokens,
            "temperature": self.temperature,
            "eval_strategy": "steps" if every else "no",
            "eval_steps": every or None,
            "eval_on_start": bool(every) and anew,
        }
        return self.made(GRPOConfig, ours)

    def check(self, processes: int = 1) -> None:
        """Check every setting that can be checked without loading a model.

        Args:
            processes: How many train.

        Raises:
            ManyInputsError: All problems at once.
        """
        from trl import GRPOConfig

        least = {"prompts": 1, "rollouts": 2, "updates": 1}
        problems = self.numbers(least, ("temperature",)) + self.choices()
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
        for name in self.metrics:
            try:
                attribute(name)
            except AntigradError as error:
                problems.append(f"metrics: {error}")
        problems += self.others(GRPOConfig, OURS, whole=("num_iterations", "num_generations_eval"))
        if not problems:
            try:
                arguments = self.arguments(processes)
            except (ValueError, TypeError, ImportError) as error:
                problems.append(f"TRL refuses its options: {error}")
            else:
                try:
                    check_options(self.credit, self.credit_options, arguments, ["correct"], processes)
                except ManyInputsError as error:
                    problems += error.problems
        raise_all("settings of train grpo", problems)
