"""Maps that need no model, and changes of maps that explain nothing: what a metric must not reward."""

from __future__ import annotations

import torch
from torch import Tensor

from antigrad.attribution.views import to_map

MODEL_FREE = ("random", "sobel", "centre")
SPREAD = 0.35
"""Width of the centre control, in half sides of the image."""


def random_map(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Uniform noise.

    Args:
        images: (B, C, H, W).
        generator: Where it comes from.

    Returns:
        (B, H, W) in [0, 1).

    Source: ours.

    Example:
        >>> random_map(torch.zeros(2, 3, 4, 5)).shape
        torch.Size([2, 4, 5])
    """
    return torch.rand(len(images), *images.shape[2:], generator=generator, dtype=images.dtype)


def sobel(images: Tensor) -> Tensor:
    r"""Edges of the grey image: $\sqrt{G_x^2+G_y^2}$ on its own scale.

    Args:
        images: (B, C, H, W).

    Returns:
        (B, H, W) in [0, 1]; edges of the frame are mirrored.

    Source: Sobel operator; as a control for saliency: Adebayo et al. 2018, arXiv 1810.03292.

    Example:
        >>> step = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(1, 1, 4, 4)
        >>> sobel(step)[0, 1].tolist()
        [0.0, 1.0, 1.0, 0.0]
    """
    grey = images.mean(1, keepdim=True)
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], dtype=images.dtype)
    padded = torch.nn.functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    slopes = torch.nn.functional.conv2d(padded, torch.stack([across, across.T])[:, None])
    return to_map(slopes.square().sum(1, keepdim=True).sqrt())


def centre(images: Tensor) -> Tensor:
    r"""A Gaussian in the middle: $e^{-r^2/(2\cdot.35^2)}$ with r = 1 at the middle of a side.

    Args:
        images: (B, C, H, W).

    Returns:
        (B, H, W) in (0, 1].

    Source: ours.

    Example:
        >>> centre(torch.zeros(1, 3, 3, 3))[0, 1].tolist()[1]
        1.0
    """
    height, width = images.shape[2:]
    rows = torch.linspace(-1, 1, height, dtype=images.dtype)[:, None]
    columns = torch.linspace(-1, 1, width, dtype=images.dtype)
    return torch.exp(-(rows**2 + columns**2) / (2 * SPREAD**2)).expand(len(images), height, width)


def model_free(images: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
    """All controls that need no model.

    Args:
        images: (B, C, H, W).
        generator: Of the random one.

    Returns:
        Name and maps.
    """
    return {"random": random_map(images, generator), "sobel": sobel(images), "centre": centre(images)}


def power(maps: Tensor, exponent: float) -> Tensor:
    """Sharpen maps without changing one rank.

    Args:
        maps: (B, H, W) in [0, 1].
        exponent: Above 1.

    Returns:
        (B, H, W) in [0, 1].

    Source: ours: RCAP rises with it, though nothing more is explained.

    Example:
        >>> power(torch.tensor([0.5, 1.0]), 2).tolist()
        [0.25, 1.0]
    """
    return maps**exponent
