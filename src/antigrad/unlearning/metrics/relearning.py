"""How soon forgotten samples are back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn.functional import cross_entropy

from antigrad.attacks.interval import Estimate, mean_interval
from antigrad.core.errors import InputValueError
from antigrad.unlearning.metrics.case import Case, Seen
from antigrad.unlearning.metrics.metric import Better, Metric
from antigrad.unlearning.outputs import evaluated


@dataclass(frozen=True)
class Relearning(Metric):
    """Steps of fine-tuning on a few forgotten samples until others of the forget set are back.

    Args:
        samples: That are trained on.
        learning_rate: Of Adam.
        most: Steps at most.
        share: They are back when the mean probability of the label on forget samples that were not trained on is at
            least this share of the original's.
        repeats: Draws of those samples; the interval is over them.

    Raises:
        InputValueError: An option is out of range.

    Sign: as retrained; fewer steps than a retrained model needs say that something was left.

    Source: ours; relearning time in the sense of Golatkar et al. 2020, arXiv 1911.04933.

    Deviations: none.

    Example:
        >>> Relearning().samples
        16
    """

    label: ClassVar[str] = "relearning: steps until forgotten samples are back"
    better: ClassVar[Better] = "as retrained"

    samples: int = 16
    learning_rate: float = 1e-3
    most: int = 200
    share: float = 0.5
    repeats: int = 3

    def __post_init__(self) -> None:
        if min(self.samples, self.most, self.repeats) < 1 or not 0 < self.share <= 1:
            raise InputValueError(f"{self}", "samples and steps from 1, share in (0, 1]", "change the option")

    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        return mean_interval([self.steps(case, seen, draw) for draw in range(self.repeats)])

    def steps(self, case: Case, seen: Seen, draw: int) -> int:
        """Fine-tune on one draw of samples.

        Args:
            case: The case.
            seen: The model.
            draw: Its number.

        Returns:
            Steps taken, `most` where that was not enough.
        """
        context = case.context
        order = torch.randperm(len(context.forget), generator=context.generator(31, draw))
        few, others = order[: self.samples], order[self.samples :][:512]
        others = others if len(others) else few
        drawn, asked = context.batch(context.forget, few), context.batch(context.forget, others)
        rows = torch.arange(len(others))
        target = float(case.original.probabilities("forget")[others, asked.labels.cpu()].mean()) * self.share
        model = seen.model.copy()
        model.module.eval()  # Statistics of so few samples would be a disturbance of their own.
        adam = torch.optim.Adam(model.module.parameters(), self.learning_rate)
        for step in range(self.most):
            probabilities = evaluated(model, asked.images)[1].softmax(1)
            if float(probabilities[rows, asked.labels].mean()) >= target:
                return step
            adam.zero_grad()
            cross_entropy(model(drawn.images), drawn.labels).backward()
            adam.step()
        return self.most
