"""Settings of trainings on the policy's own answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from antigrad.core.errors import raise_all
from antigrad.posttraining.train.rounds.options import check_rounds
from antigrad.posttraining.train.settings import TrainConfig

OURS = {
    "gradient_accumulation_steps": "answers_a_step, rows_at_once", "eval_strategy": "held_out",
    "eval_on_start": "held_out",
}  # fmt: skip
"""Options of TRL that are settings of these trainers."""
_UNFIT = {
    "packing": "an answer has a weight of its own, and packing joins answers",
    "padding_free": "an answer has a weight of its own, and this joins answers",
    "label_smoothing_factor": "it takes the loss from logits, which have no weights",
    "use_liger_kernel": "it takes the loss inside the model, without weights",
    "assistant_only_loss": "prompt and answer are distinguished already",
    "max_length": "answers are taken whole; set --max_new_tokens",
}


@dataclass(frozen=True)
class AnswersConfig(TrainConfig):
    """Settings of trainings on the policy's own answers; the defaults are those of a run on one CPU.

    Args:
        held_out: Questions that are asked in every round and never trained on.
        rows_at_once: Answers per forward and backward, in each process.
        learning_rate: Of AdamW, the highest of TRL's schedule; TRL's own for supervised fine-tuning.
        samples: Answers sampled per question (N).
        sampling_temperature: Temperature of those answers.
        refresh: Steps after which the policy answers the questions again and continues with these answers; 0 trains on
            the first answers only (offline).
        answers_a_step: Answers per optimizer step.
        trl: Any other option of TRL's `SFTConfig`, as `--trl.weight_decay=0.1`.
    """

    TRL_CONFIG: ClassVar[str] = "SFTConfig"
    learning_rate: float = 2e-5
    samples: int = 10
    sampling_temperature: float = 1.0
    refresh: int = 10
    answers_a_step: int = 8

    def accumulation(self, processes: int) -> int:
        """Forwards an optimizer step.

        Args:
            processes: How many train.

        Returns:
            Answers per step over answers at once of all processes; 0 if that is no whole number.
        """
        return self.accumulation_of(self.answers_a_step, processes)

    def arguments(self, processes: int) -> Any:
        """TRL's own configuration.

        Args:
            processes: How many train.

        Returns:
            An `SFTConfig`.
        """
        from trl import SFTConfig

        ours: dict[str, Any] = {"gradient_accumulation_steps": self.accumulation(processes), "max_length": None}
        return self.made(SFTConfig, ours)

    def own(self) -> list[str]:
        """Check the settings of one trainer.

        Returns:
            Problems.
        """
        return []

    def check(self, processes: int = 1) -> None:
        """Check every setting that can be checked without loading a model.

        Args:
            processes: How many train.

        Raises:
            ManyInputsError: All problems at once.
        """
        from trl import SFTConfig

        least = {"samples": 1, "refresh": 0, "answers_a_step": 1}
        problems = self.numbers(least, ("sampling_temperature",)) + self.choices() + self.own()
        if not problems and not self.accumulation(processes):
            given = f"answers_a_step={self.answers_a_step}, rows_at_once={self.rows_at_once}"
            given += f", {processes} processes" if processes > 1 else ""
            problems.append(f"{given}: the first must be a multiple of the product of the others")
        problems += self.row_problems() if not problems else []
        problems += self.others(SFTConfig, OURS)
        problems += [f"trl.{name}: {why}" for name, why in _UNFIT.items() if self.trl.get(name)]
        if self.trl.get("loss_type", "nll") != "nll":
            problems.append(f"trl.loss_type={self.trl['loss_type']}: the likelihood, nll, is what is weighed")
        problems += check_rounds(self.refresh or self.steps, self.trl)
        if not problems:
            try:
                self.arguments(processes)
            except (ValueError, TypeError, ImportError) as error:
                problems.append(f"TRL refuses its options: {error}")
        raise_all(f"settings of {type(self).__name__}", problems)
