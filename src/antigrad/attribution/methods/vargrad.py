"""VarGrad: the variance of gradients at noisy copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.attribution.methods.smoothgrad import SmoothGrad, tunnel
from antigrad.vision.models import Classifier


@dataclass(frozen=True)
class VarGrad(SmoothGrad):
    r"""Variance of the gradient under noise: the ingredient of the guide.

    $$\frac1n\sum_ig_i^2-\bar g^2$$

    Sign: never negative.

    Source: Adebayo et al. 2018, arXiv 1810.03307; Captum's `NoiseTunnel` (biased variance).

    Deviations: see `SmoothGrad`; rounding below zero is cut.
    """

    signed: ClassVar[bool] = False

    def attribute(  # noqa: D102
        self, classifier: Classifier, inputs: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        return tunnel(self, "vargrad", classifier, inputs, targets, generator).clamp(min=0)
