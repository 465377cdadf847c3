"""The layer that Grad-CAM looks at."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def last_spatial(model: nn.Module, size: int) -> nn.Module | None:
    """Find where features still have a height and a width for the last time: what the classifier is about to pool.

    Of a residual network that is the sum of both branches, not the convolution inside one of them. Not counted are
    pooling layers, maps of attention, features with the channels last, and what does not depend on the image.

    Args:
        model: The model.
        size: Side of its images.

    Returns:
        The layer; None if there is none, or most layers come after it: a transformer cuts the image into patches first.
    """
    seen: list[nn.Module] = []
    side, layers, after = size, 0, 0  # Layers with weights, of those whose features have places, not a vector alone.

    def note(module: nn.Module, _: Any, output: Any) -> None:
        nonlocal side, layers, after
        if not isinstance(output, Tensor) or not output.requires_grad:
            return
        if output.ndim > 2 and output[0].numel() > max(output.shape[1:]) and [*module.parameters(recurse=False)]:
            layers, after = layers + 1, after + 1
        height, width = output.shape[2:] if output.ndim == 4 else (0, 0)
        passed_on = isinstance(module, nn.Dropout | nn.Identity | nn.Softmax)  # As attention is.
        pooled = type(module).__module__ == nn.MaxPool2d.__module__
        if height == width and 1 < height <= side and not (passed_on or pooled):
            side, after = height, 0
            seen.append(module)

    handles = [module.register_forward_hook(note) for module in model.modules()]
    training, trained = model.training, [one for one in model.parameters() if one.requires_grad]
    try:
        model.eval().requires_grad_(False)
        with torch.enable_grad():  # What depends on the image asks for a gradient; a table of positions does not.
            model(torch.zeros(1, 3, size, size, requires_grad=True))
    finally:
        model.train(training)
        for one in trained:
            one.requires_grad_(True)
        for handle in handles:
            handle.remove()
    return seen[-1] if seen and 2 * after <= layers else None
