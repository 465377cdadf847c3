"""Retraining from scratch on what is kept: the reference that every other method is measured against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, of_retain
from antigrad.unlearning.methods.method import Batch, Context, Optimizer, UnlearningMethod, ce, zero
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class Retrain(UnlearningMethod):
    r"""Retrain: fresh weights, trained on the retain set alone.

    $$\theta_r=\mathrm{argmin}_\theta\mathbb E_{\mathcal D_r}CE,\qquad\theta\text{ new}$$

    Args:
        learning_rate: Of Adam.
        epochs: As the original was trained.
        batch_size: As the original was trained.
        optimizer: As the original was trained.
        stop: Not used: there is nothing to forget.

    Sign: minimising `up` raises the likelihood of retained labels.

    Source: the gold standard of the field; no paper.

    Deviations: weights come from a factory, never from resetting modules, which leaves bare parameters (class tokens,
        positions) trained.

    Example:
        >>> Retrain().epochs
        60
    """

    down: ClassVar[bool] = False
    fresh: ClassVar[bool] = True
    vit_mul: ClassVar[bool] = True

    learning_rate: float = 1e-3
    epochs: int = 60
    batch_size: int = 64
    optimizer: Optimizer = "adam"

    def prepare(self, model: SplitModel, context: Context) -> Any:  # noqa: D102
        model.module.load_state_dict(context.new_model().module.state_dict())

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return of_retain(len(context.retain), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        return Parts(up=ce(model, batch.retain), down=zero(model), anchor=zero(model))
