"""Insertion as a metric among others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from antigrad.attribution.metrics.insertion_deletion import insertion_auc
from antigrad.attribution.metrics.metric import Better, MapMetric
from antigrad.vision.models import Classifier


@dataclass(frozen=True)
class Insertion(MapMetric):
    """Area under the class probability while the most salient pixels come back into a blurred image (IAUC).

    Sign: higher is better; it sees the ranking alone.

    Source: RISE, arXiv 1806.07421; see `insertion_auc`.

    Deviations: see `insertion_auc`.
    """

    figures: ClassVar[Mapping[str, Better]] = {"iauc": "higher"}

    def __call__(self, classifier: Classifier, images: Tensor, maps: Tensor, targets: Tensor) -> dict[str, Tensor]:  # noqa: D102
        return {"iauc": insertion_auc(classifier.probabilities, images, maps, targets)}
