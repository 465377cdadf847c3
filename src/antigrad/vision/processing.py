r"""A model's own preprocessing, whatever it does, and the picture in [0, 1] that it leaves the model with.

Resizing and cropping are the preprocessing's own. What it does to colours is found by asking it: of five plain pictures
it has to make plain ones, and these have to fit

$$z_k=\frac{x_{\pi(k)}-\mu_k}{\sigma_k}$$

with x the colour in [0, 1] and z what the model reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from antigrad.core.errors import AntigradError, InputValueError

Process = Callable[[Image.Image], Tensor]
"""From a picture in RGB to (C, H, W), as the model reads it."""
_PROBES = ((0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (51, 102, 204))
_SIDE = 512


@dataclass(frozen=True)
class Colours:
    """What a preprocessing does to colours, and the side of the images it makes.

    Args:
        mean: μ of each of the model's channels.
        std: σ of each.
        order: π: which of red, green and blue each of them is.
        size: Side of the images.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    order: tuple[int, ...]
    size: int


def colours_of(process: Process, name: str) -> Colours:
    """Find what a preprocessing does to colours.

    Args:
        process: The preprocessing.
        name: The model's, for messages.

    Returns:
        Its colours.

    Raises:
        InputValueError: It does something else, its images are not square, or not of three channels.
    """
    found = [process(Image.new("RGB", (_SIDE, _SIDE), colour)).double() for colour in _PROBES]
    shape = tuple(found[0].shape)
    if len(shape) != 3 or shape[0] != 3 or shape[1] != shape[2]:
        raise InputValueError(
            f"{name}: preprocessing that makes images of shape {shape}",
            "three channels, as high as wide",
            "use a model for square colour images",
        )
    plain = torch.stack([one.flatten(1)[:, one[0].numel() // 2] for one in found])
    even = all(bool((one - value[:, None, None]).abs().max() < 1e-4) for one, value in zip(found, plain, strict=True))
    matrix = (plain[1:4] - plain[0]).T  # row: channel of the model; column: red, green, blue
    order = matrix.abs().argmax(1)
    wanted = torch.zeros_like(matrix).scatter(1, order[:, None], matrix.gather(1, order[:, None]))
    predicted = wanted @ torch.tensor(_PROBES[4]).double() / 255 + plain[0]
    scale = float(matrix.abs().max())
    fits = torch.allclose(wanted, matrix, atol=1e-4 * scale) and torch.allclose(predicted, plain[4], atol=1e-3 * scale)
    if not (even and fits and sorted(order.tolist()) == [0, 1, 2]):
        raise InputValueError(
            f"{name}: preprocessing that does more to colours than scaling, shifting and ordering them",
            "z = (x − mean) / std, channel by channel",
            "attribute with the methods themselves, on inputs of your own",
        )
    std = 1 / wanted.sum(1)
    return Colours(tuple((-plain[0] * std).tolist()), tuple(std.tolist()), tuple(order.tolist()), int(shape[1]))


def of_transformers(processor: Any, name: str) -> Process:
    """Use an image processor of transformers as it is.

    Args:
        processor: The processor.
        name: The model's, for messages.

    Returns:
        The preprocessing.
    """

    def process(picture: Image.Image) -> Tensor:
        try:
            return processor(images=picture, return_tensors="pt")["pixel_values"][0].float()
        except Exception as error:
            raise AntigradError(
                f"{name}: its image processor: {type(error).__name__}: {error}",
                "a processor for one picture in RGB",
                "check the model's preprocessor_config.json",
            ) from error

    return process
