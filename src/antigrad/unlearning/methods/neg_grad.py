"""Gradient ascent on the forget set: the plain negative gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, of_forget
from antigrad.unlearning.methods.method import Batch, Context, UnlearningMethod, ce, zero
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class NegGrad(UnlearningMethod):
    r"""NG, gradient ascent: raise the loss of the forget set.

    $$\min_\theta-\mathbb E_{\mathcal D_f}CE$$

    Args:
        learning_rate: Of the optimizer; the outcome is very sensitive to it.
        epochs: Passes over the forget set.
        batch_size: Samples of a batch.
        optimizer: SGD with momentum .9 in DUCK's comparison.
        stop: End when the forget accuracy has reached its target.

    Sign: minimising `down` lowers the likelihood of forget labels, without bound: it diverges if it goes on.

    Source: Golatkar et al. 2020, arXiv 1911.04933; Choi & Na 2023, arXiv 2311.02240.

    Deviations: the step size is ours.

    Example:
        >>> NegGrad().wanted
        False
    """

    wanted: ClassVar[bool] = False
    vit_mul: ClassVar[bool] = True

    epochs: int = 10

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return of_forget(len(context.forget), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        return Parts(up=zero(model), down=-ce(model, batch.forget), anchor=zero(model))
