"""SCRUB: away from the original on the forget set, close to it on the rest, in turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from antigrad.core.errors import InputValueError
from antigrad.core.parts import Parts
from antigrad.unlearning.draws import Draw, of_forget, of_retain
from antigrad.unlearning.methods.distil import distil
from antigrad.unlearning.methods.method import Batch, Context, Optimizer, Phase, UnlearningMethod, zero
from antigrad.unlearning.outputs import evaluated
from antigrad.vision.split import SplitModel

MAXIMISE, MINIMISE = "max", "min"


@dataclass(frozen=True)
class Scrub(UnlearningMethod):
    r"""SCRUB: a student that disobeys its teacher on the forget set and follows it on the retain set.

    $$\max_\theta KL(p_{\theta_o}\Vert p_\theta)\text{ on }\mathcal D_f,\qquad
    \min_\theta\ \alpha\,KL(p_{\theta_o}\Vert p_\theta)+\gamma\,CE\text{ on }\mathcal D_r,\qquad\text{in turns}$$

    Args:
        learning_rate: Of Adam; diverges easily.
        epochs: Passes over the retain set.
        batch_size: Of a batch.
        optimizer: Adam.
        stop: End when the forget accuracy has reached its target.
        max_steps: First epochs that begin with a pass over the forget set.
        alpha: α.
        gamma: γ.
        temperature: T of both divergences.
        rewind: SCRUB+R: keep the epoch whose forget accuracy is nearest to the target.

    Raises:
        InputValueError: The temperature is not above 0.

    Sign: minimising `down` raises the divergence from the original on forget samples, without bound.

    Source: Kurmanji et al. 2023, arXiv 2302.09880, Algorithm 1; α .001, γ .99, T 4 as in DUCK's comparison.

    Deviations: rate, epochs and max_steps are those of DUCK's comparison on CIFAR-10.

    Example:
        >>> Scrub().max_steps, Scrub.wanted
        (2, False)
    """

    wanted: ClassVar[bool] = False
    vit_mul: ClassVar[bool] = True

    learning_rate: float = 5e-4
    epochs: int = 3
    batch_size: int = 64
    optimizer: Optimizer = "adam"
    max_steps: int = 2
    alpha: float = 0.001
    gamma: float = 0.99
    temperature: float = 4.0
    rewind: bool = False

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputValueError: An option is out of range.
        """
        super().__post_init__()
        if not self.temperature > 0:
            raise InputValueError(f"temperature={self.temperature}", "above 0", "4 is usual")

    def prepare(self, model: SplitModel, context: Context) -> SplitModel:  # noqa: D102
        return context.original

    def phases(self, context: Context) -> Sequence[Phase]:  # noqa: D102
        return [self.phase("main", self.epochs, self.learning_rate)]

    def draws(  # noqa: D102
        self, context: Context, phase: str, epoch: int, generator: torch.Generator
    ) -> Iterator[Draw]:
        if epoch < self.max_steps:
            yield from of_forget(len(context.forget), self.batch_size, generator, MAXIMISE)
        yield from of_retain(len(context.retain), self.batch_size, generator, MINIMISE)

    def parts(self, batch: Batch, model: SplitModel, memory: Any) -> Parts:  # noqa: D102
        drawn = batch.forget if batch.kind == MAXIMISE else batch.retain
        student = model(drawn.images)
        away = distil(evaluated(memory, drawn.images)[1], student, self.temperature)
        if batch.kind == MAXIMISE:
            return Parts(up=zero(model), down=-away, anchor=zero(model))
        up = torch.nn.functional.cross_entropy(student, drawn.labels)
        return Parts(up=self.gamma * up, down=zero(model), anchor=self.alpha * away)

    def score(self, forget_accuracy: float, context: Context) -> float | None:  # noqa: D102
        return -abs(forget_accuracy - context.target) if self.rewind else None
