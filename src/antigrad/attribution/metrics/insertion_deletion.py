"""DAUC and IAUC: the class probability while the most salient pixels are deleted, or inserted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from antigrad.attribution.metrics.rcap import blur
from antigrad.core.errors import InputValueError

RETAINED = tuple(round(1 - 0.1 * k, 1) for k in range(10))
"""Shares of pixels, 1.0 to 0.1, as in the authors' code: the largest possible area is .9."""
BLUR_OF_INSERTION = 16.0


def curve(
    probabilities: Callable[[Tensor], Tensor],
    images: Tensor,
    maps: Tensor,
    targets: Tensor,
    *,
    under: Tensor,
    salient_first: bool,
    shares: Sequence[float] = RETAINED,
) -> Tensor:
    """Class probability of images of which a share of the pixels is shown.

    Args:
        probabilities: From images in [0, 1] to class probabilities.
        images: (B, C, H, W) in [0, 1].
        maps: (B, H, W).
        targets: (B,).
        under: (B, C, H, W) what the other pixels show.
        salient_first: Show the most salient pixels (insertion), or the least (what is left after deletion).
        shares: Shares shown.

    Returns:
        (B, S).

    Raises:
        InputValueError: Shapes do not fit.
    """
    if maps.shape != (len(images), *images.shape[2:]) or under.shape != images.shape:
        raise InputValueError(f"maps {tuple(maps.shape)} for images {tuple(images.shape)}", "(B, H, W)", "use to_map")
    order = maps.flatten(1).argsort(dim=1, descending=salient_first, stable=True)
    ranks = torch.empty_like(order).scatter_(
        1, order, torch.arange(order.shape[1], device=order.device).expand_as(order)
    )
    found = []
    for share in shares:
        shown = (ranks < round(share * order.shape[1])).reshape(-1, 1, *maps.shape[1:])
        found.append(probabilities(torch.where(shown, images, under)).gather(1, targets[:, None]).squeeze(1).double())
    return torch.stack(found, 1)


def deletion_auc(
    probabilities: Callable[[Tensor], Tensor], images: Tensor, maps: Tensor, targets: Tensor, *, base: Tensor
) -> Tensor:
    r"""Area under the probability curve while the most salient pixels are replaced by the mean colour.

    $$\int_{.1}^{1}s(x)\,dx$$

    by trapezoids over ten shares of pixels kept.

    Args:
        probabilities: From images in [0, 1] to class probabilities.
        images: (B, C, H, W) in [0, 1].
        maps: (B, H, W).
        targets: (B,).
        base: (C,) colour of a deleted pixel: the model's mean.

    Returns:
        (B,), from 0 to .9.

    Sign: lower is better.

    Source: RISE, arXiv 1806.07421, Sec. 4.3; grid and base of the authors of arXiv 2404.15564.

    Deviations: an area for each image; the authors take that of the mean curve, which is the mean of the areas.
    """
    under = base.to(images)[:, None, None].expand_as(images)
    points = curve(probabilities, images, maps, targets, under=under, salient_first=False)
    return torch.trapezoid(points.flip(1), points.new_tensor(RETAINED[::-1]), dim=1)


def insertion_auc(probabilities: Callable[[Tensor], Tensor], images: Tensor, maps: Tensor, targets: Tensor) -> Tensor:
    r"""Area under the probability curve while the most salient pixels are put into a blurred image.

    Args:
        probabilities: From images in [0, 1] to class probabilities.
        images: (B, C, H, W) in [0, 1].
        maps: (B, H, W).
        targets: (B,).

    Returns:
        (B,), from 0 to .9.

    Sign: higher is better.

    Source: RISE, arXiv 1806.07421, Sec. 4.3; σ = 16 pixels.

    Deviations: see `deletion_auc`; the blur's kernel reaches 4 σ, the authors' 1 σ.
    """
    under = blur(images, BLUR_OF_INSERTION)
    points = curve(probabilities, images, maps, targets, under=under, salient_first=True)
    return torch.trapezoid(points.flip(1), points.new_tensor(RETAINED[::-1]), dim=1)
