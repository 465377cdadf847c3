"""CF-k: catastrophic forgetting of the last k layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, of_retain
from antigrad.unlearning.methods.layers import last_layers
from antigrad.unlearning.methods.method import Batch, Context, UnlearningMethod, ce, zero
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class CfK(UnlearningMethod):
    r"""CF-k: freeze all but the last k layers and continue training them on the retain set.

    $$\min_{\theta_{>L-k}}\mathbb E_{\mathcal D_r}CE$$

    Args:
        learning_rate: Of the optimizer.
        epochs: Passes over the retain set.
        batch_size: Samples of a batch.
        optimizer: SGD with momentum .9.
        stop: End when the forget accuracy has reached its target.
        k: Layers that are trained: of a ResNet its last stages with the head counted as one, of a transformer its last
            blocks, with norm and head.

    Raises:
        InputValueError: There are not more than k layers.

    Sign: minimising `up` raises the likelihood of retained labels; nothing is pushed down.

    Source: Goel et al. 2022, arXiv 2201.06640 (CF-k); Choi & Na 2023, arXiv 2311.02240 use k = 3.

    Deviations: the mapping to transformers is ours. Frozen batch normalisation keeps its running means.

    Example:
        >>> CfK().k
        3
    """

    down: ClassVar[bool] = False
    vit_mul: ClassVar[bool] = True

    epochs: int = 20
    k: int = 3

    def trained(self, model: SplitModel) -> list[str]:  # noqa: D102
        return last_layers(model.module, self.k)

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return of_retain(len(context.retain), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        return Parts(up=ce(model, batch.retain), down=zero(model), anchor=zero(model))
