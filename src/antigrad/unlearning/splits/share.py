"""A share of everything."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.unlearning.splits.split import Split
from antigrad.vision.samples import Samples


@dataclass(frozen=True)
class Share(Split):
    """Homogeneous removal: a uniform draw from all classes.

    Args:
        fraction: Of the training samples.

    Raises:
        InputValueError: The fraction is not between 0 and 1.

    Sign: none.

    Source: the scenario HR of Cotogni et al. 2023, arXiv 2312.02052, with a tenth.

    Deviations: drawn by torch, where the source draws by numpy.

    Example:
        >>> Share().fraction
        0.1
    """

    fraction: float = 0.1

    def __post_init__(self) -> None:
        if not isinstance(self.fraction, int | float) or not 0 < self.fraction < 1:
            raise InputValueError(f"fraction={self.fraction}", "between 0 and 1", "0.1 is usual")

    def mask(self, train: Samples, generator: torch.Generator) -> Tensor:  # noqa: D102
        found = torch.zeros(len(train), dtype=torch.bool)
        count = max(1, round(self.fraction * len(train)))
        found[torch.randperm(len(train), generator=generator)[:count]] = True
        return found
