"""Does rounding the weights bring forgotten samples back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.attacks.interval import Estimate, wilson
from antigrad.core.errors import InputValueError
from antigrad.unlearning.metrics.case import Case, Seen
from antigrad.unlearning.metrics.metric import Better, Metric
from antigrad.unlearning.outputs import outputs


@dataclass(frozen=True)
class Quantisation(Metric):
    """Accuracy on the forget set after the weights were rounded.

    Args:
        bits: Of each weight.

    Raises:
        InputValueError: Less than 2 or more than 16 bits.

    Sign: as retrained; above the accuracy before rounding: what was forgotten comes back.

    Source: Zhang et al. 2024, arXiv 2410.16454, for language models.

    Deviations: on classifiers; symmetric rounding to the nearest, one scale a row of a weight.

    Example:
        >>> Quantisation(bits=4).title()
        'accuracy, forgotten samples, weights rounded to 4 bits'
    """

    label: ClassVar[str] = "quantisation"
    better: ClassVar[Better] = "as retrained"

    bits: int = 8

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 16:
            raise InputValueError(f"bits={self.bits}", "from 2 to 16", "8 and 4 are usual")

    def title(self) -> str:  # noqa: D102
        return f"accuracy, forgotten samples, weights rounded to {self.bits} bits"

    @torch.no_grad()
    def __call__(self, case: Case, seen: Seen) -> Estimate:  # noqa: D102
        model = seen.model.copy()
        model.module.eval()
        for weight in model.module.parameters():
            if weight.ndim > 1:
                weight.copy_(rounded(weight, self.bits))
        right = outputs(model, case.context.forget)[1].argmax(1) == case.labels["forget"]
        return wilson(int(right.sum()), len(right))


def rounded(weight: Tensor, bits: int) -> Tensor:
    """Round to so many bits, symmetric about 0, with a scale for each row.

    Args:
        weight: (R, …).
        bits: Of each number.

    Returns:
        The same shape.

    Example:
        >>> rounded(torch.tensor([[1.0, 0.4, -0.1]]), 2).tolist()
        [[1.0, 0.0, -0.0]]
    """
    most = 2 ** (bits - 1) - 1
    scale = weight.abs().flatten(1).amax(1).clamp(min=1e-12) / most
    scale = scale.reshape(-1, *([1] * (weight.ndim - 1)))
    return (weight / scale).round() * scale
