"""Guided IG: a path that first moves the pixels whose gradient is smallest."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.attribution.methods.method import AttributionMethod
from antigrad.attribution.metrics.rcap import Base, background
from antigrad.vision.models import Classifier


@dataclass(frozen=True)
class GuidedIg(AttributionMethod):
    r"""Gradients along an adaptive path from a baseline, times the change of the image.

    At each of n steps the L1 distance to the image falls by the same amount; the features with the smallest
    $\lvert\partial_if_c\rvert$ move first, none of them further than `max_dist` of the way from the straight path:

    $$\sum_t\nabla f_c(x_t)\odot(x_{t+1}-x_t)$$

    Args:
        n_steps: n.
        fraction: Share of the features that moves at a time.
        max_dist: Most distance from the straight path, as a share of the way; 1: no bound.
        baseline: Where the path starts.

    Sign: above zero where the pixel, against the baseline, raises the logit.

    Source: Kapishnikov et al. 2021, arXiv 2106.09788, Algorithm 1.

    Deviations: none known; the baseline of the authors of arXiv 2404.15564 is the mean colour, here it is black.
    """

    n_steps: int = 50
    fraction: float = 0.25
    max_dist: float = 0.02
    baseline: Base = "black"

    def attribute(  # noqa: D102
        self, classifier: Classifier, inputs: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        starts = classifier.normalise(background(classifier.denormalise(inputs), self.baseline))
        rows = zip(inputs, starts, targets, strict=True)
        found = [self._one(classifier, image.detach(), start.detach(), target) for image, start, target in rows]
        return torch.stack(found) if found else torch.zeros_like(inputs)

    def _one(self, classifier: Classifier, image: Tensor, start: Tensor, target: Tensor) -> Tensor:
        way, here, found = image - start, start.clone(), torch.zeros_like(image)
        total = float(way.abs().double().sum())
        for step in range(1, self.n_steps + 1):
            point = here[None].clone().requires_grad_()
            slope = torch.autograd.grad(classifier.model(point)[0, target], point)[0][0]
            if not torch.isfinite(slope).all():
                return found + torch.nan  # There is no order of such slopes; the caller says so.
            share = step / self.n_steps
            least = start + way * max(share - self.max_dist, 0.0)
            most = start + way * min(share + self.max_dist, 1.0)
            before = here
            here = self._moved(here, image, way, least, most, slope.abs(), total * (1 - share))
            found += slope * (here - before)
        return found

    def _moved(
        self, here: Tensor, image: Tensor, way: Tensor, least: Tensor, most: Tensor, size: Tensor, wanted: float
    ) -> Tensor:
        # Nobody lags more than `max_dist`; then the flattest features go ahead until the distance is as wanted.
        behind = (here - least) * way.sign() < 0
        here = torch.where(behind, least, here)
        while True:
            far = float((image - here).abs().double().sum())
            open_ = (most - here).abs() > 0
            if far <= wanted * (1 + 1e-9) or not open_.any():
                return here
            ranks = torch.where(open_, size, torch.inf)
            count = max(1, int(self.fraction * int(open_.sum())))
            limit = ranks.flatten().kthvalue(count).values
            chosen = open_ & (ranks <= limit)
            reach = float((most - here).abs()[chosen].double().sum())
            gamma = (far - wanted) / reach
            if gamma >= 1:
                here = torch.where(chosen, most, here)
            else:
                return torch.where(chosen, here + (most - here) * gamma, here)
