"""Guided Backprop: gradients that are cut wherever they, or the activations, are negative."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import dataclass

import torch
from captum.attr import GuidedBackprop as CaptumGuidedBackprop
from torch import Tensor, nn

from antigrad.attribution.methods.method import AttributionMethod
from antigrad.core.errors import InputValueError
from antigrad.vision.models import Classifier


class _AtMostSix(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return values.clamp(max=6)


@dataclass(frozen=True)
class GuidedBackprop(AttributionMethod):
    r"""The gradient with the backward pass of each ReLU cut to what is positive.

    $$r\mapsto\mathbf 1[a>0]\,\mathbf 1[r>0]\,r$$

    Sign: as the gradient; negative parts of the signal are thrown away inside the network.

    Source: Springenberg et al. 2014, arXiv 1412.6806, Sec. 3.4; Captum's `GuidedBackprop`.

    Deviations: ReLU6, which Captum leaves alone, is taken apart into a ReLU and a bound, in a copy of the model. ReLUs
        that a model calls as functions, and other activations beside ReLUs, are not cut.
    """

    def problem_with(self, classifier: Classifier) -> str | None:  # noqa: D102
        if any(isinstance(module, nn.ReLU | nn.ReLU6) for module in classifier.model.modules()):
            return None
        return f"guided backprop of {classifier.name} without ReLU modules: it would be the plain gradient"

    def attribute(  # noqa: D102
        self, classifier: Classifier, inputs: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        asking = inputs.detach().clone().requires_grad_()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Setting backward hooks on ReLU activations")  # Of a copy.
            return CaptumGuidedBackprop(with_relus(classifier.model)).attribute(asking, target=targets).detach()


def with_relus(model: nn.Module) -> nn.Module:
    """Copy a model, with each ReLU6 as a ReLU and a bound of 6, none of them in place.

    Args:
        model: The model.

    Returns:
        The copy; the same function.

    Raises:
        InputValueError: It has no ReLU: guided backprop would be the plain gradient.
    """
    copy = deepcopy(model)
    count = 0
    for parent in list(copy.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.ReLU6):
                setattr(parent, name, nn.Sequential(nn.ReLU(), _AtMostSix()))
            elif isinstance(child, nn.ReLU):
                child.inplace = False
            count += isinstance(child, nn.ReLU6 | nn.ReLU)
    if not count:
        raise InputValueError(
            f"guided backprop of a {type(model).__name__} without ReLU modules",
            "a network with nn.ReLU or nn.ReLU6",
            "with other activations it is the plain gradient: use saliency",
        )
    return copy
