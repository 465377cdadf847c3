"""Amnesiac unlearning: random labels for the forget set, true ones for the rest, in one training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, mixed
from antigrad.unlearning.methods.method import Batch, Context, Optimizer, UnlearningMethod, other_labels, zero
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class Amnesiac(UnlearningMethod):
    r"""Amnesiac: train on both sets in one random order, the forget set with random labels.

    $$\min_\theta\frac1N\Big[\sum_{B_r}CE(\Phi_\theta(x),y)+\sum_{B_f}CE(\Phi_\theta(x),\tilde y)\Big]$$

    Args:
        learning_rate: Of Adam.
        epochs: Passes over both sets.
        batch_size: Of both together, N.
        optimizer: Adam.
        stop: End when the forget accuracy has reached its target.

    Sign: minimising `down` raises wrong labels of forget samples; `up` raises the likelihood of retained labels.

    Source: Graves et al. 2020, arXiv 2010.10981, in the form of Foster et al. 2023, arXiv 2308.07707: three epochs of
        Adam at 1e-4, batches of 128.

    Deviations: labels are redrawn for each batch, never a sample's own.

    Example:
        >>> Amnesiac().batch_size
        128
    """

    learning_rate: float = 1e-4
    epochs: int = 3
    batch_size: int = 128
    optimizer: Optimizer = "adam"

    def prepare(self, model: SplitModel, context: Context) -> Context:  # noqa: D102
        return context

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return mixed(len(context.forget), len(context.retain), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        labels = torch.cat([other_labels(batch.forget, memory, batch.generator), batch.retain.labels])
        # One pass: they are one batch, also to batch normalisation.
        each = cross_entropy(model(torch.cat([batch.forget.images, batch.retain.images])), labels, reduction="none")
        down, up = (some.sum() / len(each) for some in each.split([len(batch.forget), len(batch.retain)]))
        return Parts(up=up, down=down, anchor=zero(model))
