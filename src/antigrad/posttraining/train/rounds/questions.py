"""Which questions a training asks its policy in every round, and asking them, each process its share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from antigrad.core.progress import progress
from antigrad.core.streams import stream_seed
from antigrad.language.policy import Policy
from antigrad.language.tasks import Task
from antigrad.posttraining.pairs.generate import Answers, ask


@dataclass(frozen=True)
class Questions:
    """Questions, and how they are asked.

    Args:
        task: All of them, with a verifier.
        train: Places of those whose answers are trained on.
        test: Places of those that are never trained on.
        samples: Answers a question.
        temperature: Sampling temperature.
        max_new_tokens: Longest answer.
        seed: Seed of what is drawn; each round and question has a stream of its own.
    """

    task: Task
    train: tuple[int, ...]
    test: tuple[int, ...]
    samples: int
    temperature: float
    max_new_tokens: int
    seed: int

    def ask(self, policy: Policy, number: int) -> tuple[list[Answers], list[Answers]]:
        """Ask all questions; of several processes each asks a part, and all get everything.

        Args:
            policy: The policy as it is, alike in all processes.
            number: Of the round.

        Returns:
            Answers to the questions that are trained on, and to those that are not, in their order.
        """
        from accelerate import PartialState

        here = PartialState()
        places = [*self.train, *self.test][here.process_index :: here.num_processes]
        answers = ask(
            policy,
            self.task,
            samples=self.samples,
            temperature=self.temperature,
            max_new_tokens=self.max_new_tokens,
            seed=stream_seed(self.seed, "round", number) if number else self.seed,
            places=places,
        )
        found = list[Answers]()
        with progress("questions", len(places)) if here.is_main_process else nullcontext() as bar:
            for one in answers:
                found.append(one)
                if bar is not None:
                    bar.advance(f"{sum(one.correct)} of {len(one.correct)} correct")
        by_place = {one.place: one for one in _everywhere(found, here)}
        return [by_place[place] for place in self.train], [by_place[place] for place in self.test]


def _everywhere(found: Sequence[Answers], here: Any) -> list[Answers]:
    if here.num_processes == 1:
        return list(found)
    from accelerate.utils import gather_object

    return list(gather_object(list(found)))
