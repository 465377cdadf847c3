"""`antigrad train rwr`: reward-weighted regression on own answers."""

from __future__ import annotations

import torch

from antigrad.core.runs import RunFolder
from antigrad.objectives import Rwr
from antigrad.posttraining.pairs.generate import Answers
from antigrad.posttraining.train.answers.job import OnAnswers
from antigrad.posttraining.train.answers.page import Heading
from antigrad.posttraining.train.job import run_training
from antigrad.posttraining.train.rwr.settings import TrainRwrConfig


def train_rwr(config: TrainRwrConfig) -> RunFolder:
    r"""Train a model on all its own answers, each with a weight that grows with its reward.

    $$\mathcal L=-\sum_iw_i\log\pi(y_i|x),\qquad w_i=\frac{e^{r_i/\beta}}{\frac1N\sum_je^{r_j/\beta}}$$

    Under `accelerate launch` every process calls this; the first one writes.

    Args:
        config: See `TrainRwrConfig`.

    Returns:
        The run: ledger rows of steps and rounds, a page, and the model in `checkpoints/policy`.

    Raises:
        AntigradError: The settings, the model, the task or the output folder are not usable.

    Sign: minimising it raises log π of every answer, most of the correct ones, and pushes none down.

    Source: Peters and Schaal 2007; Tajwar et al. 2024, arXiv 2404.14367 (their code: raw weights).

    Deviations: answers that are empty or cut off by the length limit are not trained on. Dividing by the mean is ours;
        where a question's answers are all correct or all wrong, each counts 1 then.

    Example:
        >>> TrainRwrConfig(model="tiny", tasks="tiny_arithmetic(split=train)").beta
        0.1
    """
    heading = Heading(
        "Reward-weighted regression", "reward-weighted regression", f"own answers with weights of β = {config.beta:g}"
    )
    return run_training(OnAnswers("train rwr", config, Regression(Rwr(config.beta, config.raw)), heading))


class Regression:
    """Weighs answers by their rewards.

    Args:
        rule: The weights.

    Example:
        >>> Regression(Rwr(beta=1.0))(Answers(0, ["a", "b", ""], [False, True, True], [False, False, False]))
        [0.53..., 1.46..., 0.0]
    """

    def __init__(self, rule: Rwr) -> None:
        self._rule = rule

    def __call__(self, answers: Answers) -> list[float]:
        """Weigh the answers to a question.

        Args:
            answers: They, judged.

        Returns:
            A weight each.
        """
        weights, usable = [0.0] * len(answers.texts), answers.usable
        if usable:
            rewards = torch.tensor([float(answers.correct[place]) for place in usable], dtype=torch.float64)
            for place, weight in zip(usable, self._rule.weights(rewards).tolist(), strict=True):
                weights[place] = weight
        return weights
