"""Stopping a run that diverges: a loss or a parameter that is not finite, a retain accuracy that has fallen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.unlearning.methods.method import Context
from antigrad.vision.split import SplitModel

STREAM = 7
"""Of the samples that are looked at."""


@dataclass(frozen=True)
class Guard:
    """Looks at each loss, each certificate and the model at each epoch's end.

    Args:
        floor: Least accuracy on the retain set, as a share of the original's; 0 asks for none.
        samples: Retain samples that are looked at.

    Raises:
        InputValueError: An option is out of range.
    """

    floor: float = 0.0
    samples: int = 1000

    def __post_init__(self) -> None:
        if not 0 <= self.floor <= 1 or self.samples < 1:
            raise InputValueError(f"{self}", "floor from 0 to 1, samples from 1", "0.5 stops where half is lost")

    def of_loss(self, loss: Tensor) -> str | None:
        """Judge a loss before its step.

        Args:
            loss: Scalar.

        Returns:
            Why to stop; None to go on.
        """
        value = float(loss.detach())
        return None if math.isfinite(value) else f"the loss is {value}"

    def of_row(self, row: Mapping[str, Any]) -> str | None:
        """Judge the certificate of a step.

        Args:
            row: As the ledger keeps it.

        Returns:
            Why to stop; None to go on.
        """
        names = row.get("non_finite") or []
        return f"not finite after a step: {', '.join(names[:3])} ({len(names)} in all)" if names else None

    def of_model(self, model: SplitModel, context: Context, least: float) -> tuple[str | None, float]:
        """Judge the model at an epoch's end.

        Args:
            model: The model.
            context: What is given.
            least: Accuracy below which the retain set may not fall.

        Returns:
            Why to stop, None to go on; and the accuracy on the retain samples that are looked at.
        """
        broken = [name for name, value in model.module.state_dict().items() if not bool(torch.isfinite(value).all())]
        if broken:
            return f"parameters that are not finite: {', '.join(broken[:3])} ({len(broken)} in all)", math.nan
        found = self.retained(model, context)
        if found < least:
            return f"accuracy on the retain set is {found:.3f}, below the floor of {least:.3f}", found
        return None, found

    def retained(self, model: SplitModel, context: Context) -> float:
        """Accuracy on the retain samples that are looked at.

        Args:
            model: The model.
            context: What is given.

        Returns:
            The share that is right.
        """
        count = len(context.retain)
        places = torch.randperm(count, generator=context.generator(STREAM))[: self.samples]
        return accuracy(model, context, places)


@torch.no_grad()
def accuracy(model: SplitModel, context: Context, places: Tensor | None = None) -> float:
    """Accuracy in eval mode.

    Args:
        model: The model; its mode is put back.
        context: What is given.
        places: Places in the retain set; default: the forget set.

    Returns:
        The share that is right.
    """
    samples = context.forget if places is None else context.retain
    places = torch.arange(len(samples)) if places is None else places
    training, right = model.module.training, 0
    model.module.eval()
    try:
        for some in places.split(256):
            drawn = context.batch(samples, some)
            right += int((model(drawn.images).argmax(1) == drawn.labels).sum())
    finally:
        model.module.train(training)
    return right / len(places)
