"""Maps as pictures: laid over the photograph, or as the grey layers that a page colours itself."""

from __future__ import annotations

import base64
import io

import torch
from PIL import Image
from torch import Tensor

UP, DOWN = (37, 99, 205), (226, 88, 34)
"""What pulls the class up is blue, what pushes it down is orange, as on every page."""
CLIPPED = 0.99
"""Share of pixels below full colour: a few outliers would leave the rest without any."""


def strength(values: Tensor) -> Tensor:
    """Scale a map for the eye: 1 from the 99th percentile of its magnitudes on.

    Args:
        values: (H, W), signed or not.

    Returns:
        (H, W) in [−1, 1].

    Example:
        >>> strength(torch.tensor([[0.0, -2.0, 1.0]])).tolist()
        [[0.0, -1.0, 0.5...]]
    """
    size = values.abs().flatten().float()
    top = size.kthvalue(max(1, round(CLIPPED * len(size)))).values
    return (values / torch.where(top > 0, top, size.max().clamp(min=1e-30))).clamp(-1, 1)


def photograph(image: Tensor) -> Image.Image:
    """From numbers to a picture.

    Args:
        image: (3, H, W) in [0, 1].

    Returns:
        RGB.
    """
    values = (image.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous()
    return Image.frombytes("RGB", (image.shape[2], image.shape[1]), values.numpy().tobytes())


def overlay(image: Tensor, values: Tensor) -> Image.Image:
    r"""Lay a map over the greyed photograph: colour with opacity $|\text{strength}|$.

    Args:
        image: (3, H, W) in [0, 1].
        values: (H, W); above zero blue, below orange.

    Returns:
        RGB.
    """
    grey = (image.mean(0, keepdim=True) * 0.6 + 0.3).expand_as(image)
    shown = strength(values)
    colours = torch.tensor([UP, DOWN], dtype=image.dtype)[:, :, None, None] / 255
    colour = torch.where(shown > 0, colours[0], colours[1])
    opacity = shown.abs().sqrt().to(image)
    return photograph(grey * (1 - opacity) + colour * opacity)


def layer(values: Tensor) -> Image.Image:
    """A map as an 8-bit grey picture: 128 is zero, 255 full strength up, 1 full strength down.

    Args:
        values: (H, W).

    Returns:
        Grey picture.
    """
    levels = (strength(values) * 127 + 128).round().to(torch.uint8).contiguous()
    return Image.frombytes("L", (values.shape[1], values.shape[0]), levels.numpy().tobytes())


def png(picture: Image.Image) -> bytes:
    """Encode without loss.

    Args:
        picture: Any.

    Returns:
        PNG.
    """
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def data_uri(picture: Image.Image, *, lossless: bool, side: int | None = None) -> str:
    """A picture as text for a page that loads nothing.

    Args:
        picture: Any.
        lossless: PNG; otherwise JPEG.
        side: Longest side it is reduced to.

    Returns:
        `data:image/…;base64,…`.
    """
    if side is not None and max(picture.size) > side:
        picture = picture.copy()
        picture.thumbnail((side, side))
    if lossless:
        return "data:image/png;base64," + base64.b64encode(png(picture)).decode()
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
