"""An image classifier with its backbone and its head separate."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.core.errors import AntigradError, InputValueError

AGREE = 1e-4
"""How far head(features) may be from the logits, in units of their largest."""


class SplitModel:
    """A module whose last linear layer is its head: what enters that layer are the features.

    Args:
        module: From images (N, C, H, W) to logits (N, K), or to an object with `logits`, as in transformers.
        head: Dotted name of the linear layer; None finds the last one.

    Raises:
        InputValueError: There is no linear layer, or none of that name.

    Example:
        >>> model = SplitModel(nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)))
        >>> images = torch.ones(5, 1, 2, 2)
        >>> model.features(images).shape, torch.equal(model.head(model.features(images)), model(images))
        (torch.Size([5, 3]), True)
    """

    def __init__(self, module: nn.Module, head: str | None = None) -> None:
        linear = [name for name, layer in module.named_modules() if isinstance(layer, nn.Linear)]
        if not linear or (head is not None and head not in linear):
            raise InputValueError(
                f"a {type(module).__name__} with the linear layers {linear[-3:]}"
                + (f", head {head!r}" if head else ""),
                "a linear layer that gives the logits",
                "name it, or give a model whose last layer is an nn.Linear",
            )
        self.module, self.head_name = module, head or linear[-1]

    @property
    def head_layer(self) -> nn.Linear:
        """The linear layer that gives the logits.

        Raises:
            InputValueError: It was replaced by another kind of layer.
        """
        layer = self.module.get_submodule(self.head_name)
        if not isinstance(layer, nn.Linear):
            raise InputValueError(f"{self.head_name}: a {type(layer).__name__}", "an nn.Linear", "name another head")
        return layer

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.head_layer.out_features

    def __call__(self, images: Tensor) -> Tensor:
        """Logits of images.

        Args:
            images: (N, C, H, W), normalised.

        Returns:
            (N, K).
        """
        found = self.module(images)
        return found if isinstance(found, Tensor) else found.logits

    def both(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits in one pass.

        Args:
            images: (N, C, H, W), normalised.

        Returns:
            (N, D) and (N, K).

        Raises:
            InputValueError: The head did not see one vector an image.
        """
        seen: list[Tensor] = []

        def keep(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
            seen.append(inputs[0])

        handle = self.head_layer.register_forward_pre_hook(keep)
        try:
            logits = self(images)
        finally:
            handle.remove()
        if len(seen) != 1 or seen[0].ndim != 2 or len(seen[0]) != len(images):
            shape = tuple(seen[0].shape) if seen else "nothing"
            raise InputValueError(
                f"{self.head_name} was given {shape} for {len(images)} images ({len(seen)} times)",
                "one vector an image, once",
                "name the linear layer that gives the logits",
            )
        return seen[0], logits

    def features(self, images: Tensor) -> Tensor:
        """Embed images: what enters the head.

        Args:
            images: (N, C, H, W), normalised.

        Returns:
            (N, D).
        """
        return self.both(images)[0]

    def head(self, features: Tensor) -> Tensor:
        """Apply the head.

        Args:
            features: (N, D).

        Returns:
            (N, K) logits.
        """
        return self.head_layer(features)

    def copy(self) -> SplitModel:
        """Copy the model; nothing is shared.

        Returns:
            The copy, with gradients switched on.
        """
        module = copy.deepcopy(self.module).requires_grad_(True)
        module.zero_grad(set_to_none=True)
        return SplitModel(module, self.head_name)

    @torch.no_grad()
    def check(self, images: Tensor) -> None:
        """See that backbone and head are what they are taken for.

        Args:
            images: A few, (N, C, H, W).

        Raises:
            InputValueError: The logits are not those of the head, or not finite.
            AntigradError: The model fails on these images.
        """
        training = self.module.training
        try:
            features, logits = self.module.eval() and self.both(images)
        except InputValueError:
            raise
        except Exception as error:
            raise AntigradError(
                f"{type(self.module).__name__} on images of shape {tuple(images.shape)}: {error}",
                "a model for images of this shape",
                "check its channels and its size",
            ) from error
        finally:
            self.module.train(training)
        if not bool(torch.isfinite(logits).all()):
            raise InputValueError("logits with NaN or inf", "finite ones", "check the weights of the model")
        given = self.head(features)
        if given.shape != logits.shape or float((given - logits).abs().max()) > AGREE * float(logits.abs().max()):
            raise InputValueError(
                f"a {type(self.module).__name__} whose logits are not those of {self.head_name}",
                "logits = head(features)",
                "name the linear layer that gives the logits, and leave no layer after it",
            )


def split(module: nn.Module, images: Tensor, head: str | None = None) -> SplitModel:
    """Tell backbone and head of a classifier apart: the head is the linear layer whose output are the logits.

    Args:
        module: From images (N, C, H, W) to logits (N, K), or to an object with `logits`: timm, torchvision,
            transformers, or a module of your own.
        images: A few, (N, C, H, W); two or more.
        head: Dotted name of the layer; None tries all linear layers, the last one first.

    Returns:
        The model, checked on these images.

    Raises:
        InputValueError: No linear layer gives the logits from one vector an image; or they are not finite.
        AntigradError: The model fails on these images.

    Example:
        >>> from torch.nn import Flatten, Linear, Sequential
        >>> split(Sequential(Flatten(), Linear(4, 3), Linear(3, 2)), torch.ones(2, 1, 2, 2)).head_name
        '2'
    """
    names = [name for name, layer in module.named_modules() if isinstance(layer, nn.Linear)]
    for name in reversed(names) if head is None else ():
        model = SplitModel(module, name)
        try:
            model.check(images)
        except InputValueError:
            continue
        return model
    model = SplitModel(module, head)
    model.check(images)
    return model
