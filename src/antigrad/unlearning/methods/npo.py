"""Negative preference optimisation on a classifier: gradient ascent that limits itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from antigrad.core.parts import Parts
from antigrad.objectives.npo import Npo as Loss
from antigrad.unlearning.draws import Draw, along_forget
from antigrad.unlearning.methods.method import Batch, Context, UnlearningMethod, ce, zero
from antigrad.unlearning.outputs import evaluated
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class Npo(UnlearningMethod):
    r"""NPO with π the softmax probability of the label: a bounded replacement of NG.

    $$\mathcal L=\mathbb E_{\mathcal D_f}
    \Big[-\frac2\beta\log\sigma\Big(-\beta\log\frac{\pi_\theta(y|x)}{\pi_{\theta_o}(y|x)}\Big)\Big]
    +\gamma\,\mathbb E_{\mathcal D_r}CE$$

    Args:
        learning_rate: Of the optimizer.
        epochs: Passes over the forget set.
        batch_size: Of both batches.
        optimizer: SGD with momentum .9.
        stop: End when the forget accuracy has reached its target.
        beta: β; towards 0 the loss becomes gradient ascent.
        retain_weight: γ; 0 leaves the retain set out.

    Raises:
        InputValueError: β is not above 0.

    Sign: minimising `down` lowers the likelihood of forget labels, less and less as it falls below the original's.

    Source: Zhang et al. 2024, arXiv 2404.05868, Eq. 3.

    Deviations: for language models in the source; on a classifier, and β = 1, ours.

    Example:
        >>> Npo().beta
        1.0
    """

    learning_rate: float = 1e-2
    epochs: int = 20
    beta: float = 1.0
    retain_weight: float = 1.0

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        Loss(self.beta)

    def prepare(self, model: SplitModel, context: Context) -> Tensor:  # noqa: D102
        found = [
            -cross_entropy(evaluated(context.original, piece.images)[1], piece.labels, reduction="none")
            for piece in context.pieces(context.forget)
        ]
        return torch.cat(found)

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return along_forget(len(context.forget), len(context.retain), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Tensor) -> Parts:  # noqa: D102
        log_probs = -cross_entropy(model(batch.forget.images), batch.forget.labels, reduction="none")
        down = Loss(self.beta)(log_probs, memory[batch.forget.places]).down
        up = self.retain_weight * ce(model, batch.retain) if self.retain_weight else zero(model)
        return Parts(up=up, down=down, anchor=zero(model))
