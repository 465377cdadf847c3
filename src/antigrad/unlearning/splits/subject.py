"""All images of one subject."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError, did_you_mean
from antigrad.unlearning.splits.split import Split
from antigrad.vision.samples import Samples


@dataclass(frozen=True)
class Subject(Split):
    """All samples with a value in a column, as the person on a picture.

    Args:
        column: Column of the data.
        value: Its value.

    Raises:
        InputValueError: There is no such column or value.

    Sign: none.

    Source: the task of Choi & Na 2023, arXiv 2311.02240: identities are forgotten, the label does not depend on them.

    Deviations: none.

    Example:
        >>> Subject("person", "17").column
        'person'
    """

    column: str = "subject"
    value: str = ""

    def mask(self, train: Samples, generator: torch.Generator) -> Tensor:  # noqa: D102
        if self.column not in train.columns:
            hint = did_you_mean(self.column, train.columns)
            raise InputValueError(f"column {self.column!r}", "a column of the data", hint)
        values, wanted = train.columns[self.column], str(self.value)
        if wanted not in set(values):
            raise InputValueError(
                f"{self.column}={wanted}", "a value of that column", did_you_mean(wanted, set(values))
            )
        return torch.tensor([value == wanted for value in values])
