"""SmoothGrad: the mean of gradients at noisy copies, signs kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from captum.attr import NoiseTunnel, Saliency
from torch import Tensor

from antigrad.attribution.methods.method import IMAGES_AT_ONCE, AttributionMethod, seeded
from antigrad.attribution.methods.noise import noise_std
from antigrad.vision.models import Classifier


@dataclass(frozen=True)
class SmoothGrad(AttributionMethod):
    r"""Mean gradient under noise: gradients of either sign at one pixel cancel.

    $$\frac1n\sum_i\nabla_xf_c(x+\epsilon_i)$$

    Args:
        n_samples: n.
        noise_level: β, share of the image's range.

    Sign: as the gradient.

    Source: Smilkov et al. 2017, arXiv 1706.03825, Eq. 1; Captum's `NoiseTunnel`.

    Deviations: image by image, each with the noise of its own range, which Captum cannot do in a batch.
    """

    n_samples: int = 20
    noise_level: float = 0.15

    def attribute(  # noqa: D102
        self, classifier: Classifier, inputs: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        return tunnel(self, "smoothgrad", classifier, inputs, targets, generator)


def tunnel(
    method: SmoothGrad,
    kind: str,
    classifier: Classifier,
    inputs: Tensor,
    targets: Tensor,
    generator: torch.Generator | None,
) -> Tensor:
    """Captum's noise tunnel over the signed gradient, image by image.

    Args:
        method: n and β.
        kind: Name of the aggregation.
        classifier: The model.
        inputs: (B, C, H, W).
        targets: (B,).
        generator: Where the noise comes from.

    Returns:
        (B, C, H, W).
    """
    noisy = NoiseTunnel(Saliency(classifier.model))
    found: list[Tensor] = []
    with seeded(generator):
        for image, target, std in zip(inputs, targets, noise_std(inputs, method.noise_level).flatten(), strict=True):
            one: Any = noisy.attribute(
                image[None], nt_type=kind, nt_samples=method.n_samples, nt_samples_batch_size=IMAGES_AT_ONCE,
                stdevs=float(std), target=int(target), abs=False,
            )  # fmt: skip
            found.append(one.detach())
    return torch.cat(found) if found else torch.zeros_like(inputs)
