"""Settings of `antigrad train bon`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from antigrad.posttraining.train.answers.settings import AnswersConfig


@dataclass(frozen=True)
class TrainBonConfig(AnswersConfig):
    """Settings of `antigrad train bon`; the defaults are those of a run on one CPU.

    Args:
        samples: Answers sampled per question (N); one of them is trained on.
        only_correct: Leave out questions to which no answer is correct, instead of training on a wrong one (ours:
            rejection sampling).
    """

    only_correct: bool = False
    output: Path = Path("runs/bon")
