"""NegGrad+: the retain loss and the negated forget loss, weighed against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from antigrad.core.errors import InputValueError
from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, along_retain
from antigrad.unlearning.methods.method import Batch, Context, UnlearningMethod, ce, zero
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class NegGradPlus(UnlearningMethod):
    r"""NegGrad+: keep the loss of the retain set low while that of the forget set rises.

    $$\min_\theta\ \alpha\,\mathbb E_{\mathcal D_r}CE-(1-\alpha)\,\mathbb E_{\mathcal D_f}CE$$

    Args:
        learning_rate: Of the optimizer.
        epochs: Passes over the retain set.
        batch_size: Of both batches.
        optimizer: SGD with momentum .9.
        stop: End when the forget accuracy has reached its target.
        alpha: α, weight of the retain loss.

    Raises:
        InputValueError: α is not from 0 to 1.

    Sign: minimising `down` lowers the likelihood of forget labels, without bound; `up` raises that of retained ones.

    Source: Kurmanji et al. 2023, arXiv 2302.09880, Section 4 (NegGrad+).

    Deviations: epochs and rate are ours; the forget set begins again as often as a pass over the retain set needs.

    Example:
        >>> NegGradPlus(alpha=0.9).alpha
        0.9
    """

    learning_rate: float = 1e-2
    epochs: int = 5
    alpha: float = 0.95

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputValueError: An option is out of range.
        """
        super().__post_init__()
        if not 0 <= self.alpha <= 1:
            raise InputValueError(f"alpha={self.alpha}", "from 0 to 1", "0.95 is usual")

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return along_retain(len(context.forget), len(context.retain), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        retain, forget = ce(model, batch.retain), ce(model, batch.forget)
        return Parts(up=self.alpha * retain, down=-(1 - self.alpha) * forget, anchor=zero(model))
