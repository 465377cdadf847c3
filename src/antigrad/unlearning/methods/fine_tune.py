"""Fine-tuning on what is kept, in the hope that the rest is forgotten on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, of_retain
from antigrad.unlearning.methods.method import Batch, Context, UnlearningMethod, ce, zero
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class FineTune(UnlearningMethod):
    r"""FT: continue training, on the retain set alone.

    $$\min_\theta\mathbb E_{\mathcal D_r}CE$$

    Args:
        learning_rate: Of the optimizer.
        epochs: Passes over the retain set.
        batch_size: Samples of a batch.
        optimizer: SGD with momentum .9 in DUCK's comparison.
        stop: End when the forget accuracy has reached its target.

    Sign: minimising `up` raises the likelihood of retained labels; nothing is pushed down.

    Source: Choi & Na 2023, arXiv 2311.02240; Cotogni et al. 2023, arXiv 2312.02052 (baseline).

    Deviations: rate and epochs are those of the digits check; the papers' are for other data.

    Example:
        >>> FineTune().down
        False
    """

    down: ClassVar[bool] = False
    vit_mul: ClassVar[bool] = True

    epochs: int = 20

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return of_retain(len(context.retain), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        return Parts(up=ce(model, batch.retain), down=zero(model), anchor=zero(model))
