"""Integrated gradients from a black or a blurred image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from captum.attr import IntegratedGradients as CaptumIntegratedGradients
from torch import Tensor

from antigrad.attribution.methods.method import IMAGES_AT_ONCE, AttributionMethod
from antigrad.attribution.metrics.rcap import Base, background
from antigrad.vision.models import Classifier


@dataclass(frozen=True)
class IntegratedGradients(AttributionMethod):
    r"""Gradients along the straight path from a baseline, times the way.

    $$(x-x')\odot\int_0^1\nabla f_c(x'+\alpha(x-x'))\,d\alpha,\qquad\sum=f_c(x)-f_c(x')$$

    Args:
        n_steps: Gauss–Legendre points.
        baseline: x': `black`, `grey`, `mean`, `blurred`.

    Sign: above zero where the pixel, against the baseline, raises the logit.

    Source: Sundararajan, Taly, Yan 2017, arXiv 1703.01365, Eq. 1; Captum's `IntegratedGradients`.

    Deviations: the authors of arXiv 2404.15564 use 5 steps, two random baselines and the loss; these are 50,
        one and the logit.
    """

    n_steps: int = 50
    baseline: Base = "black"

    def attribute(  # noqa: D102
        self, classifier: Classifier, inputs: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        start = classifier.normalise(background(classifier.denormalise(inputs), self.baseline))
        return (
            CaptumIntegratedGradients(classifier.model)
            .attribute(
                inputs, start, target=targets, n_steps=self.n_steps,
                internal_batch_size=max(IMAGES_AT_ONCE, len(inputs)),
            )
            .detach()
            .to(inputs.dtype)
        )  # fmt: skip
