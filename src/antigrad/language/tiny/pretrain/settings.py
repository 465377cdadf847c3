"""Settings of `antigrad train tiny-policy`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from antigrad.core.errors import raise_all
from antigrad.core.settings import Settings
from antigrad.core.spread import too_many


@dataclass(frozen=True)
class PretrainConfig(Settings):
    """Settings of the pre-training; the defaults made the shipped weights.

    Args:
        output: Folder of the run; the policy is in `checkpoints/policy` when it is done.
        seed: Decides the first weights, the questions and the draws of the evaluations.
        target: Stop at the first evaluation whose accuracy at temperature 1 is at least this.
        steps: Stop after this many optimizer steps in any case.
        every: Steps between evaluations; a run that was interrupted resumes from the last one.
        questions: Held-out questions an evaluation asks, with 8 responses each. The last one, which
            gives the figures of the summary, asks other questions, and four times as many.
        batch_size: Worked answers per step.
        learning_rate: AdamW's, reached after 100 steps and held.
        threads: CPU threads. With another number sums are rounded otherwise, so the weights come out
            different, if about as good.
        resume: Resume the run in `output`.
    """

    output: Path = Path("runs/tiny-policy")
    seed: int = 0
    target: float = 0.5
    steps: int = 4000
    every: int = 50
    questions: int = 64
    batch_size: int = 64
    learning_rate: float = 2e-3
    threads: int = 1
    resume: bool = False

    def check(self) -> None:
        """Check every setting.

        Raises:
            ManyInputsError: All problems at once.
        """
        least = {"seed": 0, "steps": 1, "every": 1, "questions": 2, "batch_size": 1, "threads": 1}
        problems = [
            f"{name}={value}: at least {bound} is needed"
            for name, bound in least.items()
            if (value := getattr(self, name)) < bound
        ]
        if not 0 < self.target < 1:
            problems.append(f"target={self.target}: a share between 0 and 1 is needed")
        if not self.learning_rate > 0:
            problems.append(f"learning_rate={self.learning_rate}: a number above 0 is needed")
        problems += too_many("threads", self.threads)
        raise_all("settings of train tiny-policy", problems)
