"""What is to be forgotten, what is to be kept, and by which rule that is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.vision.samples import Samples

Scenario = Literal["class", "homogeneous"]
"""Class removal (CR): all samples of some classes. Homogeneous (HR): samples of classes that stay."""


@dataclass(frozen=True)
class Deletion:
    """A deletion from a training set.

    Args:
        train: What the model was trained on.
        test: What it never saw.
        mask: (N,) True where a training sample is to be forgotten.
        scenario: `class` if whole classes go, `homogeneous` otherwise.
        gone: (N,) True where a training sample was forgotten by an earlier deletion; it is in neither set.

    Raises:
        InputValueError: Nothing, or everything, is to be forgotten, or the scenario does not fit.
    """

    train: Samples
    test: Samples
    mask: Tensor
    scenario: Scenario
    gone: Tensor | None = None

    def __post_init__(self) -> None:
        """Check it.

        Raises:
            InputValueError: As above.
        """
        if self.mask.shape != (len(self.train),) or self.mask.dtype != torch.bool:
            raise InputValueError(f"a mask {tuple(self.mask.shape)}", f"({len(self.train)},) bool", "one per sample")
        if not bool(self.mask.any()):
            raise InputValueError("a deletion of nothing", "at least one sample", "check the split")
        if not bool(self.kept.any()):
            raise InputValueError("a deletion of everything", "at least one retained sample", "throw the model away")
        classes = self.removed
        if self.scenario == "class" and not classes:
            raise InputValueError(
                "class removal that leaves samples of every class it touches",
                "classes of which no sample is retained",
                "use the scenario homogeneous",
            )

    @property
    def kept(self) -> Tensor:
        """(N,) True where a training sample is retained."""
        return ~self.mask if self.gone is None else ~self.mask & ~self.gone

    @property
    def forget(self) -> Samples:
        """Samples to be forgotten."""
        return self.train.take(self.mask)

    @property
    def retain(self) -> Samples:
        """Samples to be kept."""
        return self.train.take(self.kept)

    @property
    def before(self) -> Samples:
        """Samples that earlier deletions forgot."""
        return self.train.take(torch.zeros_like(self.mask) if self.gone is None else self.gone)

    @property
    def removed(self) -> list[int]:
        """Classes of which training samples are forgotten and none is retained."""
        kept = set(self.train.labels[self.kept].tolist())
        return sorted(set(self.train.labels[~self.kept].tolist()) - kept)

    @property
    def present(self) -> list[int]:
        """Classes with retained samples: the only ones a forgotten sample may be given to."""
        return sorted(set(self.train.labels[self.kept].tolist()))

    def of_removed(self, samples: Samples) -> Tensor:
        """Find samples of classes that go.

        Args:
            samples: Any of the same classes.

        Returns:
            (n,) True where the class goes.
        """
        return torch.isin(samples.labels, torch.tensor(self.removed, dtype=samples.labels.dtype))
