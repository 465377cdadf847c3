"""Random labels: teach the forget set what is not true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, of_forget
from antigrad.unlearning.methods.method import Batch, Context, UnlearningMethod, ce, other_labels, zero
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class RandomLabel(UnlearningMethod):
    r"""RL: cross-entropy to labels redrawn for each batch, of other classes that stay.

    $$\min_\theta\mathbb E_{\mathcal D_f}CE(\Phi_\theta(x),\tilde y),\qquad
    \tilde y\ne y\text{ uniform over retained classes}$$

    Args:
        learning_rate: Of the optimizer.
        epochs: Passes over the forget set.
        batch_size: Samples of a batch.
        optimizer: SGD with momentum .9 in DUCK's comparison.
        stop: End when the forget accuracy has reached its target.

    Sign: minimising `down` raises wrong labels of forget samples, and so lowers the likelihood of their own.

    Source: Hayase et al. 2020, arXiv 2011.06026; Cotogni et al. 2023, arXiv 2312.02052 (baseline).

    Deviations: a sample's own label is never drawn.

    Example:
        >>> RandomLabel().epochs
        20
    """

    wanted: ClassVar[bool] = False

    epochs: int = 20

    def prepare(self, model: SplitModel, context: Context) -> Context:  # noqa: D102
        return context

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return of_forget(len(context.forget), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        labels = other_labels(batch.forget, memory, batch.generator)
        return Parts(up=zero(model), down=ce(model, batch.forget, labels), anchor=zero(model))
