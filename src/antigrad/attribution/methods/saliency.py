"""Saliency: the plain gradient, its sign kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from captum.attr import Saliency as CaptumSaliency
from torch import Tensor

from antigrad.attribution.methods.method import AttributionMethod
from antigrad.vision.models import Classifier


@dataclass(frozen=True)
class Saliency(AttributionMethod):
    r"""The gradient of the target's logit.

    $$\nabla_xf_c(x)$$

    Sign: above zero where a brighter value raises the logit.

    Source: Simonyan, Vedaldi, Zisserman 2013, arXiv 1312.6034; Captum's `Saliency`.

    Deviations: the sign is kept; `to_map` takes magnitudes.
    """

    def attribute(  # noqa: D102
        self, classifier: Classifier, inputs: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        asking = inputs.detach().clone().requires_grad_()
        return CaptumSaliency(classifier.model).attribute(asking, target=targets, abs=False).detach()
