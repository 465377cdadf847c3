"""Grad-CAM: feature maps weighted by the mean gradient of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from antigrad.attribution.methods.method import AttributionMethod
from antigrad.vision.models import Classifier


@dataclass(frozen=True)
class GradCam(AttributionMethod):
    r"""Class activation map of the last layer that has a height and a width, brought to the size of the image.

    $$\operatorname{ReLU}\sum_k\alpha_kA^k,\qquad\alpha_k=\operatorname{mean}\frac{\partial f_c}{\partial A^k}$$

    Args:
        relu: Cut what speaks against the class, as the paper does; otherwise the sign is kept.

    Sign: above zero where features speak for the class.

    Source: Selvaraju et al. 2016, arXiv 1610.02391, Eqs. 1 and 2; Captum's `LayerGradCam`.

    Deviations: bilinear interpolation to the size of the image.
    """

    signed: ClassVar[bool] = True
    relu: bool = True

    def problem_with(self, classifier: Classifier) -> str | None:  # noqa: D102
        if classifier.cam_layer is not None:
            return None
        return f"Grad-CAM of {classifier.name}, whose last layers have features without a height and a width"

    def attribute(  # noqa: D102
        self, classifier: Classifier, inputs: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        method = LayerGradCam(classifier.model, cast(nn.Module, classifier.cam_layer))
        # The parameters are frozen: the layer has a gradient only if the input asks for one.
        asking = inputs.detach().clone().requires_grad_()
        small = method.attribute(asking, target=targets, relu_attributions=self.relu)
        size = list(inputs.shape[2:])
        return torch.nn.functional.interpolate(small.detach(), size=size, mode="bilinear", align_corners=False)  # type: ignore[union-attr]
