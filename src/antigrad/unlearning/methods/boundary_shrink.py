"""Boundary shrinking: give forget samples to the class that lies nearest to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, of_forget
from antigrad.unlearning.methods.method import Batch, Context, Drawn, UnlearningMethod, ce, zero
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class BoundaryShrink(UnlearningMethod):
    r"""BS: label each forget sample with the class that one adversarial step leads to, and fine-tune.

    $$x'=x+\epsilon\,\mathrm{sign}\,\nabla_xCE(\Phi_{\theta_o}(x),y),\quad
    y'=\mathrm{argmax}_{k\ne y}\Phi_{\theta_o}(x')_k,\quad\min_\theta\mathbb E_{\mathcal D_f}CE(\Phi_\theta(x),y')$$

    Args:
        learning_rate: Of the optimizer.
        epochs: Passes over the forget set.
        batch_size: Samples of a batch.
        optimizer: SGD with momentum .9.
        stop: End when the forget accuracy has reached its target.
        step: ε, in the units of the model's input.

    Sign: minimising `down` raises the nearest wrong label, and so lowers the likelihood of the own.

    Source: Chen et al. 2023, arXiv 2303.11570, Eqs. 4 and 5; ε .1.

    Deviations: only classes with retained samples are candidates; epochs and rate are ours.

    Example:
        >>> BoundaryShrink().step
        0.1
    """

    wanted: ClassVar[bool] = False

    epochs: int = 10
    step: float = 0.1

    def prepare(self, model: SplitModel, context: Context) -> Tensor:  # noqa: D102
        training = context.original.module.training
        context.original.module.eval()
        try:
            return torch.cat([self.nearest(context, piece) for piece in context.pieces(context.forget)])
        finally:
            context.original.module.train(training)

    def nearest(self, context: Context, piece: Drawn) -> Tensor:
        """Label samples with their nearest other class.

        Args:
            context: What is given.
            piece: The samples.

        Returns:
            (B,) labels.
        """
        images = piece.images.detach().requires_grad_()
        (slope,) = torch.autograd.grad(cross_entropy(context.original(images), piece.labels), images)
        with torch.no_grad():
            logits = context.original(images + self.step * slope.sign())
        allowed = torch.zeros_like(logits, dtype=torch.bool)
        allowed[:, context.deletion.present] = True
        allowed[torch.arange(len(piece)), piece.labels] = False
        return logits.masked_fill(~allowed, -torch.inf).argmax(1)

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return of_forget(len(context.forget), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        down = ce(model, batch.forget, memory[batch.forget.places])
        return Parts(up=zero(model), down=down, anchor=zero(model))
