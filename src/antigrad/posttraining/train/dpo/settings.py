"""Settings of `antigrad train dpo`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, get_args

from antigrad.core.errors import AntigradError, ManyInputsError, raise_all
from antigrad.credit.pairs import PAIR_CREDIT
from antigrad.posttraining.train.dpo.options import check_options
from antigrad.posttraining.train.rounds.options import check_rounds
from antigrad.posttraining.train.settings import EVALUATED, TrainConfig

OURS = EVALUATED | {
    "beta": "beta", "gradient_accumulation_steps": "pairs_a_step, rows_at_once", "max_length": "max_length",
}  # fmt: skip
"""Options of TRL that are settings of this trainer."""


@dataclass(frozen=True)
class TrainDPOConfig(TrainConfig):
    """Settings of `antigrad train dpo`; the defaults are those of a run on one CPU.

    Args:
        pairs: Parquet, JSON or JSON Lines file, or `hf:NAME(split=train)`; empty makes pairs from the model's own
            answers to `tasks`.
        credit: Rule for the factor of rejected responses, as `name` or `name(option=value,...)`.
        loss: Loss of `antigrad methods`, as `name` or `name(option=value,...)`, with a β of its own; empty takes TRL's
            (`--trl.loss_type`).
        tasks: `word_problems`, `reasoning_gym:NAME(option=value)`, `gsm8k:FILE`, or a JSONL file; where reasoning and
            final answer stand apart, PVI has something to measure.
        questions: Questions of `tasks` to answer.
        samples: Answers sampled per question.
        pairs_a_question: Pairs of a correct and a wrong answer to one question at most.
        sampling_temperature: Temperature of those answers.
        max_new_tokens: Longest of those answers.
        refresh: Steps after which the policy answers the questions again and continues with the pairs of these answers;
            0 trains on the first pairs only (offline).
        held_out: Pairs, of prompts of their own, that are measured and never trained on.
        pairs_a_step: Pairs per optimizer step.
        rows_at_once: Pairs per forward and backward, in each process.
        beta: β of DPO; 0.05 is VPO's.
        learning_rate: Of AdamW, the highest of TRL's schedule; 5e-7 is VPO's, for models of billions of weights.
        max_length: Longest pair in tokens; longer ones are left out whole, and listed.
        answer_marker: What stands between a response's reasoning and its final answer; for PVI.
        pvi_cut: Leave the response's own final answer out when PVI is measured.
        pvi_pooling: `sum` over the tokens of the gold answer, `mean`, or the `first` only.
        measure_every: Steps between measurements of the probe responses; 0 for never.
        probe_pairs: Held-out pairs (else training pairs) that are probed.
        evaluate_every: Steps between evaluations on the held-out pairs; 0 for none.
        trl: Any other option of TRL's `DPOConfig`, as `--trl.loss_type=ipo`.
    """

    OTHER_NAMES: ClassVar[Mapping[str, str]] = {**TrainConfig.OTHER_NAMES, "dataset_name": "pairs"}
    TRL_CONFIG: ClassVar[str] = "DPOConfig"
    pairs: str = ""
    tasks: str = "word_problems"
    credit: str = "none"
    loss: str = ""
    samples: int = 10
    pairs_a_question: int = 5
    sampling_temperature: float = 0.8
    refresh: int = 0
    pairs_a_step: int = 8
    beta: float = 0.05
    learning_rate: float = 5e-7
    max_length: int = 512
    answer_marker: str = " The answer is"
    pvi_cut: bool = True
    pvi_pooling: str = "sum"
    measure_every: int = 10
    probe_pairs: int = 8
    evaluate_every: int = 50
    output: Path = Path("runs/dpo")

    def accumulation(self, processes: int) -> int:
        """Forwards an optimizer step.

        Args:
            processes: How many train.

        Returns:
            Pairs per step over pairs at once of all processes; 0 if that is no whole number.
        """
        return self.accumulation_of(self.pairs_a_step, processes)

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
            "per_device_eval_batch_size": self.rows_at_once,
            "gradient_accumulation_steps": self.accumulation(processes),
            "max_length": self.max_length,
            "beta": self.beta,
            "eval_strategy": "steps" if every else "no",
            "eval_steps": every or None,
            "eval_on_start": bool(every) and anew,
        }
        return self.made(DPOConfig, ours)

    def check(self, processes: int = 1) -> None:
        """Check every setting that can be checked without loading a model.

        Args:
            processes: How many train.

        Raises:
            ManyInputsError: All problems at once.
        """
        from trl import DPOConfig

        from antigrad.posttraining.pairs.contexts import Pooling

        least = {
            "samples": 2, "pairs_a_question": 1, "pairs_a_step": 1, "max_length": 2, "measure_every": 0,
            "probe_pairs": 1, "evaluate_every": 0, "refresh": 0,
        }  # fmt: skip
        problems = self.numbers(least, ("beta", "sampling_temperature"))
        problems += self.choices([("pvi_pooling", get_args(Pooling))])
        if not problems and not self.accumulation(processes):
            given = f"pairs_a_step={self.pairs_a_step}, rows_at_once={self.rows_at_once}"
            given += f", {processes} processes" if processes > 1 else ""
            problems.append(f"{given}: the first must be a multiple of the product of the others")
        problems += self.row_problems() if not problems else []
        problems += self.others(DPOConfig, OURS)
        if self.refresh and self.pairs:
            problems.append(f"refresh={self.refresh} with pairs={self.pairs}: only answers to tasks are resampled")
        problems += check_rounds(self.refresh, self.trl)
        try:
            PAIR_CREDIT.make(self.credit)
        except (AntigradError, TypeError) as error:
            problems.append(f"credit={self.credit}: {error}")
        if not problems:
            try:
                check_options(self.credit, self.arguments(processes), self.loss)
            except ManyInputsError as error:
                problems += error.problems
            except (ValueError, TypeError, ImportError, AntigradError) as error:
                problems.append(f"TRL refuses its options: {error}")
        raise_all("settings of train dpo", problems)
