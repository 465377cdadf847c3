"""Deletion as a metric among others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.attribution.metrics.insertion_deletion import deletion_auc
from antigrad.attribution.metrics.metric import Better, MapMetric
from antigrad.vision.models import Classifier


@dataclass(frozen=True)
class Deletion(MapMetric):
    """Area under the class probability while the most salient pixels get the mean colour (DAUC).

    Sign: lower is better; it sees the ranking alone.

    Source: RISE, arXiv 1806.07421; see `deletion_auc`.

    Deviations: see `deletion_auc`.
    """

    figures: ClassVar[Mapping[str, Better]] = {"dauc": "lower"}

    def __call__(self, classifier: Classifier, images: Tensor, maps: Tensor, targets: Tensor) -> dict[str, Tensor]:  # noqa: D102
        colour = torch.tensor(classifier.mean)
        return {"dauc": deletion_auc(classifier.probabilities, images, maps, targets, base=colour)}
