"""What every split is: a rule that says which training samples are to be forgotten."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.unlearning.deletion import Deletion, Scenario
from antigrad.vision.samples import Samples


@dataclass(frozen=True)
class Split(ABC):
    """Base of the splits."""

    scenario: ClassVar[Scenario] = "homogeneous"

    @abstractmethod
    def mask(self, train: Samples, generator: torch.Generator) -> Tensor:
        """Find the samples to forget.

        Args:
            train: The training set.
            generator: Of what is drawn.

        Returns:
            (N,) True is forgotten.
        """

    def __call__(self, train: Samples, test: Samples, seed: int = 0, gone: Tensor | None = None) -> Deletion:
        """Make the deletion.

        Args:
            train: The training set.
            test: What the model never saw.
            seed: Of what is drawn.
            gone: (N,) True where an earlier deletion removed a sample.

        Returns:
            The deletion.
        """
        found = self.mask(train, torch.Generator().manual_seed(seed))
        return Deletion(train, test, found if gone is None else found & ~gone, self.scenario, gone)
