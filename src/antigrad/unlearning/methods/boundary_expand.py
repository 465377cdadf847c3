"""Boundary expanding: forget samples go to a class of their own, which is cut off afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, of_forget
from antigrad.unlearning.methods.method import Batch, Context, UnlearningMethod, ce, zero
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class BoundaryExpand(UnlearningMethod):
    r"""BE: add a shadow class K+1, train the forget set to it, prune it.

    $$\min_\theta\mathbb E_{\mathcal D_f}CE(\Phi^{K+1}_\theta(x),K{+}1)$$

    Args:
        learning_rate: Of the optimizer.
        epochs: Passes over the forget set.
        batch_size: Samples of a batch.
        optimizer: SGD with momentum .9.
        stop: End when the forget accuracy has reached its target.

    Sign: minimising `down` raises the shadow class on forget samples, and so lowers the likelihood of their own.

    Source: Chen et al. 2023, arXiv 2303.11570, Section 3.4.

    Deviations: epochs and rate are ours.

    Example:
        >>> BoundaryExpand().epochs
        10
    """

    wanted: ClassVar[bool] = False

    epochs: int = 10

    def prepare(self, model: SplitModel, context: Context) -> Any:  # noqa: D102
        generator = context.generator(12)
        _resize(model, model.classes + 1, generator)

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return of_forget(len(context.forget), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        shadow = torch.full_like(batch.forget.labels, model.classes - 1)
        return Parts(up=zero(model), down=ce(model, batch.forget, shadow), anchor=zero(model))

    def finish(self, model: SplitModel, memory: Any) -> None:  # noqa: D102
        _resize(model, model.classes - 1, torch.Generator())


@torch.no_grad()
def _resize(model: SplitModel, classes: int, generator: torch.Generator) -> None:
    # The head with another number of rows: the first ones stay, new ones are drawn as small as theirs.
    old = model.head_layer
    bias = old._parameters["bias"]  # pyright: ignore[reportPrivateUsage] (its type leaves out that it may be None)
    new = nn.Linear(old.in_features, classes, bias=bias is not None).to(old.weight)
    kept = min(classes, old.out_features)
    scale = float(old.weight.std())
    new.weight.copy_(torch.randn(new.weight.shape, generator=generator).to(old.weight) * scale)
    new.weight[:kept] = old.weight[:kept]
    if bias is not None:
        new.bias.zero_()
        new.bias[:kept] = bias[:kept]
    parent, _, name = model.head_name.rpartition(".")
    setattr(model.module.get_submodule(parent), name, new)
