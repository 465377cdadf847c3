"""Settings of `antigrad train rwr`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from antigrad.posttraining.train.answers.settings import AnswersConfig


@dataclass(frozen=True)
class TrainRwrConfig(AnswersConfig):
    """Settings of `antigrad train rwr`; the defaults are those of a run on one CPU.

    Args:
        beta: β, temperature of the weights: a correct answer counts e^(1/β) times a wrong one to the same question.
        raw: Leave the weights e^(r/β) as they are, instead of dividing them by their mean over a question's answers:
            questions with many correct answers count more then.
    """

    beta: float = 0.1
    raw: bool = False
    output: Path = Path("runs/rwr")

    def own(self) -> list[str]:
        """Check β.

        Returns:
            Problems.
        """
        if not 0 < self.beta < math.inf:
            return [f"beta={self.beta}: a finite number above 0 is needed"]
        if self.raw and self.beta < 0.02:
            return [f"beta={self.beta} with raw: weights of e^{1 / self.beta:.0f}; 0.1 or more is needed"]
        return []
