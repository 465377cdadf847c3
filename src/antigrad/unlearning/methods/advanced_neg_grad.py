"""Advanced NegGrad: the retain loss minus the forget loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, along_retain
from antigrad.unlearning.methods.method import Batch, Context, UnlearningMethod, ce, zero
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class AdvancedNegGrad(UnlearningMethod):
    r"""Advanced NegGrad: both losses, unweighted, in one step.

    $$\min_\theta\ \mathbb E_{\mathcal D_r}CE-\mathbb E_{\mathcal D_f}CE$$

    Args:
        learning_rate: Of the optimizer.
        epochs: Passes over the retain set.
        batch_size: Of both batches.
        optimizer: SGD with momentum .9.
        stop: End when the forget accuracy has reached its target.

    Sign: minimising `down` lowers the likelihood of forget labels, without bound; `up` raises that of retained ones.

    Source: Choi & Na 2023, arXiv 2311.02240, Section 4.

    Deviations: the source uses SGD without momentum at 1e-3 for two epochs; momentum is ours.

    Example:
        >>> AdvancedNegGrad().epochs
        2
    """

    vit_mul: ClassVar[bool] = True

    learning_rate: float = 1e-3
    epochs: int = 2

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return along_retain(len(context.forget), len(context.retain), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        return Parts(up=ce(model, batch.retain), down=-ce(model, batch.forget), anchor=zero(model))
