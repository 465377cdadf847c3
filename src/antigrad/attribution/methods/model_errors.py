"""What torch and Captum say of a model that cannot be attributed, under the name of what was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.core.errors import InputTypeError, InputValueError

_NO_GRADIENT = ("require grad", "not have been used in the graph", "does not have a grad_fn")


def check_statistics(model: nn.Module) -> None:
    """Refuse batch norms in train mode: each pass would move their running statistics.

    Args:
        model: The model.

    Raises:
        InputValueError: It has such layers.
    """
    moving = [
        name
        for name, layer in model.named_modules()
        # A frozen TorchScript model has no `training`, and nothing left that could move.
        if getattr(layer, "training", False) and isinstance(getattr(layer, "running_mean", None), Tensor)
    ]
    if moving:
        raise InputValueError(
            f"a model with {len(moving)} batch norms in train mode, as {moving[0] or 'itself'}: attributing would move "
            "their statistics",
            "batch norms in eval mode",
            "call model.eval() first",
        )


@torch.no_grad()
def in_plain_words(
    error: Exception, forward: Callable[..., Any], inputs: tuple[Tensor, ...], targets: Any
) -> InputValueError | InputTypeError | None:
    """Find what is wrong with a model or a target from the error that it raised.

    Args:
        error: What was raised.
        forward: The model, or a function.
        inputs: What it was given.
        targets: Of which classes.

    Returns:
        A clear error; None where the fault is another one.
    """
    said = str(error)
    if "nference tensor" in said:
        return InputValueError(
            "a model whose weights were made under torch.inference_mode()", "weights that gradients can pass",
            "load it outside, or under torch.no_grad()",
        )  # fmt: skip
    if any(word in said for word in _NO_GRADIENT):
        return InputValueError(
            "a model whose output does not depend on its input by gradients",
            "a differentiable model",
            "take out torch.no_grad(), detach() and rounding",
        )
    if isinstance(targets, Tensor) and targets.is_floating_point():
        return InputTypeError(f"targets of {targets.dtype}", "whole numbers", "give targets.long()")
    output = forward(*inputs)
    if not isinstance(output, Tensor):
        has = f" with {', '.join(map(str, output))}" if isinstance(output, Mapping) else ""
        return InputTypeError(
            f"a model that returns a {type(output).__name__}{has}",
            "logits, as a tensor",
            "wrap it: lambda images: model(images).logits",
        )
    return None
