"""UNSIR: impair with noise that means nothing, then repair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, along_retain, of_retain
from antigrad.unlearning.methods.method import Batch, Context, Phase, UnlearningMethod, ce, zero
from antigrad.vision.split import SplitModel

IMPAIR, REPAIR = "impair", "repair"


@dataclass(frozen=True)
class Unsir(UnlearningMethod):
    r"""UNSIR: noise that maximises the loss of forget labels, learned as if it were they; then the retain set.

    $$\min_N-CE(\Phi_{\theta_o}(N),y_f)+\lambda\,\overline{N^2};\quad
    \min_\theta CE_r+CE(\Phi_\theta(N),y_f);\quad\min_\theta CE_r$$

    Args:
        learning_rate: Of the impairing steps.
        epochs: Passes over the retain set that impair.
        batch_size: Of both batches.
        optimizer: SGD with momentum .9.
        stop: End a stage when the forget accuracy has reached its target.
        noise_steps: Steps of Adam on the noise.
        noise_rate: Its learning rate.
        noise_decay: λ, on the mean squared noise.
        repair_epochs: Passes over the retain set that repair; 0 leaves stage 2 out.
        repair_rate: Their learning rate.

    Sign: minimising `down` binds forget labels to noise, so that images of them lose likelihood.

    Source: Tarun et al. 2021, arXiv 2111.08947; Choi & Na 2023, arXiv 2311.02240 report both stages apart.

    Deviations: one noise image for each forget sample of the first batch, with its label; the source makes them for
        each class.

    Example:
        >>> Unsir().noise_rate
        0.1
    """

    vit_mul: ClassVar[bool] = True

    learning_rate: float = 2e-2
    epochs: int = 1
    noise_steps: int = 25
    noise_rate: float = 0.1
    noise_decay: float = 0.1
    repair_epochs: int = 1
    repair_rate: float = 1e-2

    def prepare(self, model: SplitModel, context: Context) -> tuple[Tensor, Tensor]:  # noqa: D102
        generator = context.generator(11)
        first = torch.randperm(len(context.forget), generator=generator)[: self.batch_size]
        drawn = context.batch(context.forget, first)
        noise = torch.randn(drawn.images.shape, generator=generator).to(drawn.images).requires_grad_()
        adam, training = torch.optim.Adam([noise], self.noise_rate), context.original.module.training
        context.original.module.eval()
        try:
            for _ in range(self.noise_steps):
                loss = self.noise_decay * noise.square().mean() - cross_entropy(context.original(noise), drawn.labels)
                (noise.grad,) = torch.autograd.grad(loss, noise)
                adam.step()
        finally:
            context.original.module.train(training)
        return noise.detach(), drawn.labels

    def phases(self, context: Context) -> Sequence[Phase]:  # noqa: D102
        impair = self.phase(IMPAIR, self.epochs, self.learning_rate)
        return [impair, self.phase(REPAIR, self.repair_epochs, self.repair_rate)]

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        if phase == REPAIR:
            return of_retain(len(context.retain), self.batch_size, generator, REPAIR)
        many = min(self.batch_size, len(context.forget))
        return along_retain(many, len(context.retain), self.batch_size, generator)

    def parts(self, batch: Batch, model: SplitModel, memory: tuple[Tensor, Tensor]) -> Parts:  # noqa: D102
        if batch.kind == REPAIR:
            return Parts(up=ce(model, batch.retain), down=zero(model), anchor=zero(model))
        noise, labels = memory
        many, places = len(batch.retain), batch.forget.places
        # One pass: they are one batch, also to batch normalisation.
        logits = model(torch.cat([batch.retain.images, noise[places]]))
        up, down = cross_entropy(logits[:many], batch.retain.labels), cross_entropy(logits[many:], labels[places])
        return Parts(up=up, down=down, anchor=zero(model))
