"""What a model says of samples, in eval mode and without a graph."""

from __future__ import annotations

import torch
from torch import Tensor

from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel


@torch.no_grad()
def evaluated(model: SplitModel, images: Tensor) -> tuple[Tensor, Tensor]:
    """Features and logits of images.

    Args:
        model: The model; its mode is put back.
        images: (N, C, H, W), normalised, on its device.

    Returns:
        (N, D) and (N, K).
    """
    training = model.module.training
    model.module.eval()
    try:
        return model.both(images)
    finally:
        model.module.train(training)


def outputs(model: SplitModel, samples: Samples, *, batch_size: int = 256) -> tuple[Tensor, Tensor]:
    """Features and logits of all samples of a set.

    Args:
        model: The model; its mode is put back.
        samples: The set.
        batch_size: Images in one pass.

    Returns:
        (N, D) and (N, K), on the CPU.
    """
    device = next(model.module.parameters()).device
    found = [
        evaluated(model, samples.images[places].to(device)) for places in torch.arange(len(samples)).split(batch_size)
    ]
    return torch.cat([features.cpu() for features, _ in found]), torch.cat([logits.cpu() for _, logits in found])
