"""Before each round the policy answers the questions, and the trainer continues with rows made of the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from transformers import TrainerCallback

from antigrad.core.errors import InputValueError
from antigrad.language.policy import Policy
from antigrad.posttraining.pairs.generate import Answers, count_of
from antigrad.posttraining.train.callback import Append, restore_tokens
from antigrad.posttraining.train.rounds.data import RoundData
from antigrad.posttraining.train.rounds.questions import Questions
from antigrad.posttraining.train.rounds.round import Kept, Round, Row, figures_of

Make = Callable[[Policy, Sequence[Answers], int], tuple[list[Row], dict[str, Any]]]
"""Makes rows of a round's answers, and further figures; the last argument is the round's number."""


class Tokenizes(Protocol):
    """A trainer that prepares further rows as those it was made with."""

    def tokenized(self, rows: list[Row]) -> Any:
        """Make a data set of rows, as its own is."""
        ...


class RoundCallback(TrainerCallback):
    """Draws rounds, and writes a row each.

    A round is one epoch: its rows are drawn before the first step, kept in a file, and read from it after a resume.
    What is drawn depends on the weights, the round's number and the seed alone; the trainer's own random streams are
    left as they are.

    Args:
        trainer: The trainer; its data set becomes one that changes.
        policy: What it trains, before any wrapping.
        questions: What is asked.
        make: Makes rows of answers.
        kept: Files of the run's rounds.
        first: The round that was drawn before the training began.
        every: Steps a round.
        rows: Rows per optimizer step.
    """

    def __init__(
        self,
        trainer: Any,
        policy: Policy,
        questions: Questions,
        make: Make,
        kept: Kept,
        first: Round,
        *,
        every: int,
        rows: int,
    ) -> None:
        if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
            given = "weights in shards over processes"
            raise InputValueError(given, "whole weights in each, to sample with", "refresh=0, or data parallelism")
        self._trainer, self._policy, self._questions, self._make = trainer, policy, questions, make
        self._kept, self._every, self._first = kept, every, first
        self._data = RoundData(every * rows, seed=questions.seed)
        self._data.fill(trainer.train_dataset, 0)
        trainer.train_dataset = self._data
        self.append: Append = lambda _: None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Forget rounds that an interrupted run drew behind its last checkpoint.

        Args:
            args: Not used.
            state: Step, and whether this is the first process.
            control: Not used.
            **kwargs: Not used.
        """
        if state.is_world_process_zero:
            self._kept.forget_after(state.global_step // self._every)
        restore_tokens(self._trainer, state)
        self._trainer.accelerator.wait_for_everyone()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Draw the round, or read it back, and train on it.

        Args:
            args: Not used.
            state: Step, and whether this is the first process.
            control: Not used.
            **kwargs: Not used.
        """
        number = state.global_step // self._every
        drawn = self._first if number == 0 else self._kept.read(number)
        self._trainer.accelerator.wait_for_everyone()
        if drawn is None:
            drawn = self._drawn(number)
            if state.is_world_process_zero:
                self._kept.write(number, drawn)
        if state.global_step == number * self._every:  # not again where a run is resumed within the round
            self._report(drawn.figures)
        if number:
            self._data.fill(self._trainer.tokenized(drawn.rows), number)
        if state.is_world_process_zero:
            self.append({"kind": "round", "step": number * self._every, "round": number} | drawn.figures)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ask once more: what the last round did.

        Args:
            args: Not used.
            state: Step, and whether this is the first process.
            control: Not used.
            **kwargs: Not used.
        """
        number = -(-state.global_step // self._every)
        train, test = self._ask(number)
        figures = figures_of([count_of(one) for one in train], [count_of(one) for one in test])
        if state.is_world_process_zero:
            self.append({"kind": "final", "step": state.global_step} | figures)

    def _report(self, figures: Mapping[str, Any]) -> None:
        # With the next logged step, which is how figures come to alarms and trackers.
        logged = self._trainer._metrics["train"]
        for name, value in figures.items():
            logged[f"round/{name}"].append(float(value))

    def _drawn(self, number: int) -> Round:
        train, test = self._ask(number)
        figures = figures_of([count_of(one) for one in train], [count_of(one) for one in test])
        rows, more = self._make(self._policy, train, number)
        figures |= more
        if rows:
            return Round(rows, figures)
        # Nothing tells its answers apart: the rows of the round before serve once more, and the ledger says so.
        before = self._first if number == 1 else self._kept.read(number - 1)
        return Round((before or self._first).rows, figures | {"reused": True})

    def _ask(self, number: int) -> tuple[list[Answers], list[Answers]]:
        model: Any = self._policy.model
        training = model.training
        model.eval()
        try:
            return self._questions.ask(self._policy, number)
        finally:
            model.train(training)
