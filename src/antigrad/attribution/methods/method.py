"""What every attribution method is: a frozen configuration that maps images and classes to attributions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.attribution.models import Classifier

IMAGES_AT_ONCE = 16
"""Images in one pass, whatever the number of samples or steps."""


@dataclass(frozen=True)
class AttributionMethod(ABC):
    """Base of the methods.

    Sign: where `signed` is true, an attribution above zero raises the target's logit.
    """

    signed: ClassVar[bool] = True

    @abstractmethod
    def __call__(
        self, classifier: Classifier, inputs: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Attribute the logits of the targets to the inputs.

        Args:
            classifier: The model; its parameters and mode are left as they are.
            inputs: (B, C, H, W), normalised.
            targets: (B,) classes.
            generator: Of methods that draw noise.

        Returns:
            (B, C, H, W), or (B, 1, H, W) of methods that do not tell channels apart.
        """


@contextmanager
def seeded(generator: torch.Generator | None) -> Generator[None]:
    """Let code that knows no generator draw from one; the default stream is put back.

    Args:
        generator: Where the seed comes from; None: the default stream goes on.

    Yields:
        Nothing.
    """
    if generator is None:
        yield
        return
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        yield
