"""`antigrad train bon`: supervised fine-tuning on the best of N own answers."""

from __future__ import annotations

import torch

from antigrad.core.runs import RunFolder
from antigrad.objectives import BestOfN
from antigrad.posttraining.pairs.generate import Answers
from antigrad.posttraining.train.answers.job import OnAnswers
from antigrad.posttraining.train.answers.page import Heading
from antigrad.posttraining.train.bon.settings import TrainBonConfig
from antigrad.posttraining.train.job import run_training


def train_bon(config: TrainBonConfig) -> RunFolder:
    r"""Train a model on the best of N answers of its own to each question, as its verifier judges them.

    $$\mathcal L=-\log\pi(y_b|x),\qquad b=\mathrm{argmax}_i\,r(x,y_i)$$

    Under `accelerate launch` every process calls this; the first one writes.

    Args:
        config: See `TrainBonConfig`.

    Returns:
        The run: ledger rows of steps and rounds, a page, and the model in `checkpoints/policy`.

    Raises:
        AntigradError: The settings, the model, the task or the output folder are not usable.

    Sign: minimising it raises log π of the best answers, and pushes none down.

    Source: Tajwar et al. 2024, arXiv 2404.14367, Sec. 3 and released code (`best_of_n`).

    Deviations: answers that are empty or cut off by the length limit are not trained on. Verdicts are 0 or 1: of
        several best answers the first is taken, a wrong one where none is correct, unless `only_correct`.

    Example:
        >>> TrainBonConfig(model="tiny", tasks="tiny_arithmetic(split=train)").samples
        10
    """
    heading = Heading("Best-of-N", "Best-of-N", f"the best of {config.samples} own answers")
    return run_training(OnAnswers("train bon", config, Best(only_correct=config.only_correct), heading))


class Best:
    """Weighs the best answer 1, and the others 0.

    Args:
        only_correct: Weigh none where none is correct.

    Example:
        >>> Best(only_correct=False)(Answers(0, ["a", "b", "c"], [False, True, True], [False, False, False]))
        [0.0, 1.0, 0.0]
    """

    def __init__(self, *, only_correct: bool) -> None:
        self._only_correct = only_correct

    def __call__(self, answers: Answers) -> list[float]:
        """Weigh the answers to a question.

        Args:
            answers: They, judged.

        Returns:
            A weight each.
        """
        weights, usable = [0.0] * len(answers.texts), answers.usable
        rewards = torch.tensor([float(answers.correct[place]) for place in usable])
        if usable and (bool(rewards.any()) or not self._only_correct):
            for place, weight in zip(usable, BestOfN().weights(rewards).tolist(), strict=True):
                weights[place] = weight
        return weights
