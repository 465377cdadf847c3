"""Gaussian noise on inputs: how strong for each image, and drawn so that the size of a chunk changes nothing."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError, did_you_mean

NoiseRange = Literal["image", "batch"]


def noise_std(inputs: Tensor, level: float, over: NoiseRange = "image") -> Tensor:
    r"""Standard deviation of the noise of each image.

    $$\sigma_b=\beta\,(\max x_b-\min x_b)$$

    Args:
        inputs: (B, ...), normalised as the model wants them.
        level: β.
        over: Whose values the range is taken over: each `image`'s own, or the whole `batch`'s, so that the map of an
            image depends on its neighbours.

    Returns:
        (B, 1, ...) σ.

    Raises:
        InputValueError: β is negative, or the range is unknown.

    Source: SmoothGrad, arXiv 1706.03825, Sec. 4 (noise level); Guided AbsoluteGrad, arXiv 2404.15564.

    Deviations: the authors of the latter take the range of the batch; that is `batch`.

    Example:
        >>> noise_std(torch.tensor([[0.0, 2.0], [1.0, 1.0]]), 0.15).flatten().tolist()
        [0.30000001192092896, 0.0]
    """
    if over not in get_args(NoiseRange):
        raise InputValueError(f"noise_range {over!r}", "image or batch", did_you_mean(over, get_args(NoiseRange)))
    if not level >= 0:
        raise InputValueError(f"noise_level {level}", "0 or more", "0.15 is the paper's")
    shape = (-1, *[1] * (inputs.ndim - 1))
    if not inputs.numel():
        return inputs.new_zeros(len(inputs)).reshape(shape)
    flat = inputs.flatten(1) if inputs.ndim > 1 else inputs[:, None]
    low, high = (flat.amin(1), flat.amax(1)) if over == "image" else (flat.min(), flat.max())
    return (level * (high - low)).expand(len(inputs)).reshape(shape)


def given_std(inputs: Tensor, std: float | Tensor) -> Tensor:
    """Standard deviations that were given outright.

    Args:
        inputs: (B, ...).
        std: σ of all images, or (B,) of each.

    Returns:
        (B, 1, ...) σ.

    Raises:
        InputValueError: One is negative or NaN, or there are not as many as images.

    Example:
        >>> given_std(torch.zeros(2, 3), 0.5).tolist()
        [[0.5], [0.5]]
    """
    values = torch.as_tensor(std, dtype=inputs.dtype, device=inputs.device)
    if values.shape not in ((), inputs.shape[:1]) or not (values >= 0).all():
        raise InputValueError(f"stdevs {std}", "one σ from 0 up, or one an image", "leave it out for noise_level")
    return values.expand(len(inputs)).reshape(-1, *[1] * (inputs.ndim - 1))


def draw(inputs: Tensor, std: Tensor, count: int, generator: torch.Generator | None, *, shared: bool) -> Tensor:
    """Noisy copies of a batch, each drawn on its own.

    On a CPU one draw of many samples differs from many draws of one unless their size is a multiple of 16.

    Args:
        inputs: (B, ...).
        std: (B, 1, ...) σ.
        count: Copies.
        generator: Where the noise comes from; None: the default one.
        shared: One draw for all images of the batch, so that an image alone and in a batch has the same map.

    Returns:
        (count, B, ...).
    """
    shape = inputs.shape[1:] if shared else inputs.shape
    device = inputs.device if generator is None else generator.device
    return torch.stack(
        [
            inputs + std * torch.randn(shape, dtype=inputs.dtype, device=device, generator=generator).to(inputs.device)
            for _ in range(count)
        ]
    )
