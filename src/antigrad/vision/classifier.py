"""An image classifier with what belongs to it: preprocessing, class names, a layer for Grad-CAM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor, nn

from antigrad.vision.images import square
from antigrad.vision.processing import Process


@dataclass(frozen=True)
class Classifier:
    """A model and how pictures reach it.

    Args:
        name: What it was asked for as.
        model: From normalised images (B, 3, H, W) to logits (B, classes), in eval mode.
        mean: Of each channel, in [0, 1].
        std: Of each channel, in [0, 1].
        resize: Length of the shorter side before the crop.
        size: Side of the centre crop.
        cam_layer: Where Grad-CAM looks: the last layer with a spatial extent; None where there is no such layer, or
            most of the model lies behind it, as in transformers.
        labels: Names of the classes; empty where they are not known.
        order: Which of red, green and blue each channel of the model is.
        process: The model's own preprocessing; None resizes the shorter side by bicubic interpolation and crops.
        several: Classes do not exclude each other: their probabilities are sigmoids, not a softmax.
    """

    name: str
    model: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: int
    size: int
    cam_layer: nn.Module | None
    labels: Sequence[str] = ()
    order: tuple[int, ...] = (0, 1, 2)
    process: Process | None = None
    several: bool = False

    def view(self, picture: Image.Image) -> Tensor:
        """Bring a picture to what the model sees of it.

        Args:
            picture: RGB.

        Returns:
            (3, size, size) in [0, 1]; of preprocessing that overshoots, a little beyond.
        """
        if self.process is None:
            return square(picture, resize=self.resize, size=self.size)
        return self.denormalise(self.process(picture)[None])[0]

    def normalise(self, images: Tensor) -> Tensor:
        """From [0, 1] to what the model wants.

        Args:
            images: (B, C, H, W) in [0, 1].

        Returns:
            (B, C, H, W).
        """
        return (self._ordered(images, self.order) - self._channels(self.mean, images)) / self._channels(
            self.std, images
        )

    def denormalise(self, images: Tensor) -> Tensor:
        """Back to [0, 1].

        Args:
            images: (B, C, H, W), normalised.

        Returns:
            (B, C, H, W).
        """
        plain = images * self._channels(self.std, images) + self._channels(self.mean, images)
        return self._ordered(plain, [self.order.index(place) for place in range(len(self.order))])

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Tensor:
        """Class probabilities of images in [0, 1].

        Args:
            images: (B, C, H, W) in [0, 1].

        Returns:
            (B, classes).
        """
        logits = self.model(self.normalise(images))
        return logits.sigmoid() if self.several else logits.softmax(1)

    def _ordered(self, images: Tensor, order: Sequence[int]) -> Tensor:
        return images if list(order) == list(range(len(order))) else images[:, list(order)]

    def _channels(self, values: tuple[float, ...], like: Tensor) -> Tensor:
        return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None, None]
