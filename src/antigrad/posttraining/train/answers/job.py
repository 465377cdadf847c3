"""What trainings on the policy's own answers do: ask, make rows, train, ask again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from antigrad.core.checkpoints import Checkpoints
from antigrad.core.errors import InputValueError
from antigrad.core.runs import RunFolder
from antigrad.language.policy import Policy
from antigrad.language.tasks import load_task
from antigrad.posttraining.pairs.generate import Answers, count_of
from antigrad.posttraining.train.answers.page import Heading, describe
from antigrad.posttraining.train.answers.settings import AnswersConfig
from antigrad.posttraining.train.answers.trainer import WEIGHT, AnswersTrainer
from antigrad.posttraining.train.callback import Alarms
from antigrad.posttraining.train.job import processes
from antigrad.posttraining.train.maps import silent_maps
from antigrad.posttraining.train.models import bare, below, load_to_train
from antigrad.posttraining.train.rounds.alarms import AnswerAlarms
from antigrad.posttraining.train.rounds.callback import RoundCallback
from antigrad.posttraining.train.rounds.questions import Questions
from antigrad.posttraining.train.rounds.round import Kept, Round, Row, figures_of


class Weighs(Protocol):
    """Says how much each answer to a question counts."""

    def __call__(self, answers: Answers) -> list[float]:
        """Weigh the answers to a question.

        Args:
            answers: They, judged.

        Returns:
            A weight each; an answer of weight 0 is left out.
        """
        ...


@dataclass(frozen=True)
class OnAnswers:
    """A training on the policy's own answers, as `run_training` sees it.

    Args:
        job: What is typed behind `antigrad`.
        config: Its settings.
        weigh: How much each answer counts.
        heading: How its page is headed.
    """

    job: str
    config: AnswersConfig
    weigh: Weighs
    heading: Heading

    def load(self) -> tuple[Questions, Round, Policy]:
        """Load the model, and let it answer the questions once.

        Returns:
            Questions, the first round, and the policy.

        Raises:
            InputValueError: No answer can be trained on.
        """
        policy = load_to_train(self.config)
        questions = _questions(self.config)
        first = self._kept.read(0) if self.config.resume else None
        if first is None:
            train, test = questions.ask(below(policy), 0)
            rows, figures = self.rows(train)
            if not rows:
                given = f"{len(train)} questions with {self.config.samples} answers each, none to train on"
                raise InputValueError(given, "answers that end before the limit", "raise max_new_tokens, or samples")
            counts = [[count_of(one) for one in side] for side in (train, test)]
            first = Round(rows, figures_of(*counts) | figures)
        return questions, first, policy

    def rows(self, answers: Sequence[Answers]) -> tuple[list[Row], dict[str, Any]]:
        """Make rows of answers.

        Args:
            answers: Answers to questions.

        Returns:
            Rows for TRL, and figures of them.
        """
        rows: list[Row] = []
        for one in answers:
            for text, tokens, correct, weight in zip(one.texts, one.tokens, one.correct, self.weigh(one), strict=True):
                if weight:
                    # The tokens that were sampled, with what ended them: another tokenisation would be another answer.
                    row: Row = {"input_ids": one.prompt + tokens, "labels": [-100] * len(one.prompt) + tokens}
                    rows.append(row | {WEIGHT: weight, "question": one.place, "text": text, "correct": correct})
        figures: dict[str, Any] = {"rows": len(rows)}
        if rows:
            total = sum(row[WEIGHT] for row in rows)
            figures["correct_weight"] = sum(row[WEIGHT] for row in rows if row["correct"]) / total
        return rows, figures

    def last_checkpoint(self, folder: Path, processes: int, say: Callable[[str], None]) -> Path | None:
        """Find the newest checkpoint that is whole.

        Args:
            folder: Where the trainer saves.
            processes: Not used.
            say: Given what is wrong with newer ones.

        Returns:
            The checkpoint; None if there is none.
        """
        return Checkpoints(folder).last(say=say)

    def trainer(self, loaded: tuple[Questions, Round, Policy], lora: Any, checkpoint: Path | None) -> Any:
        """Make the trainer.

        Args:
            loaded: What `load` gave.
            lora: PEFT's `LoraConfig`, or None.
            checkpoint: Not used.

        Returns:
            The trainer, with its rounds.
        """
        from accelerate import PartialState
        from datasets import Dataset

        config, (questions, first, policy) = self.config, loaded
        if PartialState().is_main_process and self._kept.read(0) is None:
            self._kept.write(0, first)
        with silent_maps():
            trainer = AnswersTrainer(
                model=policy.model,
                args=config.arguments(processes()),
                train_dataset=Dataset.from_list(first.rows),
                processing_class=policy.tokenizer,
                peft_config=lora,
            )
        trained = Policy(bare(trainer.model), policy.tokenizer, policy.name)

        def make(_: Policy, answers: Sequence[Answers], __: int) -> tuple[list[Row], dict[str, Any]]:
            return self.rows(answers)

        every = config.refresh or config.steps
        made = {"every": every, "rows": config.answers_a_step}
        trainer.add_callback(RoundCallback(trainer, trained, questions, make, self._kept, first, **made))
        return trainer

    def facts(self, trainer: Any) -> dict[str, Any]:
        """Say nothing more in the row of the setup.

        Args:
            trainer: Not used.

        Returns:
            Nothing.
        """
        return {}

    def alarms(self) -> Alarms:
        """Make the alarms.

        Returns:
            Of an entropy that collapses, and of rounds that are used again.
        """
        return AnswerAlarms()

    def describe(self, run: RunFolder) -> None:
        """Write page and summary of the finished run.

        Args:
            run: The run.
        """
        describe(run, self.config, self.heading)

    @property
    def _kept(self) -> Kept:
        return Kept(self.config.output / "artifacts" / "rounds")


def _questions(config: AnswersConfig) -> Questions:
    task = load_task(
        config.tasks,
        count=config.questions + config.held_out,
        seed=config.seed,
        verifier=config.verifier,
        style=config.style,
        shots=config.shots,
    )
    places = tuple(range(len(task.questions)))
    train, test = places[: config.questions], places[config.questions :]
    return Questions(task, train, test, config.samples, config.sampling_temperature, config.max_new_tokens, config.seed)
