"""Bad teacher: what is forgotten is learned from a network that knows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, mixed
from antigrad.unlearning.methods.distil import distil
from antigrad.unlearning.methods.method import Batch, Context, Optimizer, UnlearningMethod, zero
from antigrad.unlearning.outputs import evaluated
from antigrad.vision.split import SplitModel


@dataclass(frozen=True)
class BadTeacher(UnlearningMethod):
    r"""BadT: follow an incompetent teacher on the forget set and the original on the rest.

    $$\min_\theta\frac1N\Big[\sum_{B_f}KL(p_{bad}\Vert p_\theta)+\sum_{B_r}KL(p_{\theta_o}\Vert p_\theta)\Big]$$

    Args:
        learning_rate: Of Adam.
        epochs: Passes over the forget set and a share of the retain set.
        batch_size: Of both together, N.
        optimizer: Adam.
        stop: End when the forget accuracy has reached its target.
        share: Of the retain set that takes part.
        temperature: T of both divergences.

    Sign: minimising `down` moves forget samples to the outputs of a random network; `anchor` holds the rest.

    Source: Chundawat et al. 2022, arXiv 2205.08096, Eq. 2: one epoch, 30 % of the retain set, T 1.

    Deviations: none.

    Example:
        >>> BadTeacher().share
        0.3
    """

    fresh: ClassVar[bool] = True

    learning_rate: float = 1e-4
    epochs: int = 1
    batch_size: int = 256
    optimizer: Optimizer = "adam"
    share: float = 0.3
    temperature: float = 1.0

    def prepare(self, model: SplitModel, context: Context) -> tuple[SplitModel, SplitModel]:  # noqa: D102
        return context.new_model(), context.original

    def draws(self, context: Context, phase: str, epoch: int, generator: torch.Generator) -> Iterator[Draw]:  # noqa: D102
        return mixed(len(context.forget), len(context.retain), self.batch_size, generator, share=self.share)

    def parts(self, batch: Batch, model: SplitModel, memory: tuple[SplitModel, SplitModel]) -> Parts:  # noqa: D102
        sizes = [len(batch.forget), len(batch.retain)]
        # One pass of the student: they are one batch, also to batch normalisation.
        students = model(torch.cat([batch.forget.images, batch.retain.images])).split(sizes)
        down, anchor = (
            distil(evaluated(teacher, drawn.images)[1], student, self.temperature) * (len(drawn) / sum(sizes))
            if len(drawn)
            else zero(model)
            for teacher, drawn, student in zip(memory, (batch.forget, batch.retain), students, strict=True)
        )
        return Parts(up=zero(model), down=down, anchor=anchor)
