"""Whole classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError, did_you_mean
from antigrad.unlearning.deletion import Scenario
from antigrad.unlearning.splits.split import Split
from antigrad.vision.samples import Samples


@dataclass(frozen=True)
class Classes(Split):
    """Class removal: all samples of the named classes.

    Args:
        names: Names of classes, or their numbers.

    Raises:
        InputValueError: There is no such class.

    Sign: none.

    Source: the scenario CR of Cotogni et al. 2023, arXiv 2312.02052.

    Deviations: none.

    Example:
        >>> Classes(["cat"]).scenario
        'class'
    """

    scenario: ClassVar[Scenario] = "class"

    names: list[str | int] = field(default_factory=lambda: list[str | int]([0]))

    def mask(self, train: Samples, generator: torch.Generator) -> Tensor:  # noqa: D102
        wanted: list[int] = []
        for name in self.names:
            if str(name) in train.classes:
                wanted.append(list(train.classes).index(str(name)))
            elif str(name).isdigit() and int(name) < len(train.classes):
                wanted.append(int(name))
            else:
                raise InputValueError(f"class {name!r}", "a class of the data", did_you_mean(str(name), train.classes))
        return torch.isin(train.labels, torch.tensor(wanted, dtype=train.labels.dtype))
