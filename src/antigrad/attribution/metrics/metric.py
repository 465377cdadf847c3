"""What every metric of maps is: a frozen configuration that gives each map one or more figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from antigrad.vision.models import Classifier

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class MapMetric(ABC):
    """Base of the metrics: `figures` names what it gives, and which way is better."""

    figures: ClassVar[Mapping[str, Better]]

    @abstractmethod
    def __call__(self, classifier: Classifier, images: Tensor, maps: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Judge maps.

        Args:
            classifier: The model that was explained.
            images: (B, C, H, W) in [0, 1].
            maps: (B, H, W) in [0, 1].
            targets: (B,) classes.

        Returns:
            Name and (B,) values of each figure.
        """
