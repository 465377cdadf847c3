"""EU-k: exact unlearning of the last k layers."""

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
class EuK(UnlearningMethod):
    r"""EU-k: give the last k layers new random weights, freeze the rest, and train them on the retain set.

    $$\min_{\theta_{>L-k}}\mathbb E_{\mathcal D_r}CE,\qquad\theta_{>L-k}\text{ new}$$

    Args:
        learning_rate: Of the optimizer.
        epochs: Passes over the retain set.
        batch_size: Samples of a batch.
        optimizer: SGD with momentum .9.
        stop: End when the forget accuracy has reached its target.
        k: Layers that are new; see CF-k.

    Raises:
        InputValueError: There are not more than k layers, or no factory of the model.

    Sign: minimising `up` raises the likelihood of retained labels; nothing is pushed down.

    Source: Goel et al. 2022, arXiv 2201.06640 (EU-k).

    Deviations: the mapping to transformers is ours.

    Example:
        >>> EuK.fresh
        True
    """

    down: ClassVar[bool] = False
    fresh: ClassVar[bool] = True

    epochs: int = 20
    k: int = 3

    def prepare(self, model: SplitModel, context: Context) -> Any:  # noqa: D102
        new, names = context.new_model().module.state_dict(), self.trained(model)
        owners = tuple({f"{name.rpartition('.')[0]}." for name in names})  # Buffers of those layers are new too.
        old = model.module.state_dict()
        model.module.load_state_dict({name: new[name] if name.startswith(owners) else old[name] for name in old})

    def trained(self, model: SplitModel) -> list[str]:  # noqa: D102
        return last_layers(model.module, self.k)

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return of_retain(len(context.retain), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        return Parts(up=ce(model, batch.retain), down=zero(model), anchor=zero(model))
