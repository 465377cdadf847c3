"""What an optimizer is given for its step: gradients, the factor still in them, its weight decay."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from antigrad.core.errors import AntigradError
from antigrad.geometry.dots import dense
from antigrad.geometry.watch.watched import Block, local

DECOUPLED = (torch.optim.Adafactor, getattr(torch.optim, "Muon", torch.optim.Adafactor))
"""Classes that subtract learning rate times decay times weights apart from the gradient, and do not say so."""


def given_gradients(parameters: Sequence[nn.Parameter]) -> dict[nn.Parameter, Tensor]:
    """Gradients as they are now.

    Args:
        parameters: What is stepped.

    Returns:
        What this process holds of them, dense; parameters without one are left out.
    """
    return {p: local(dense(p.grad)) for p in parameters if p.grad is not None}


def loss_scale(optimizer: torch.optim.Optimizer) -> float:
    """Factor that a gradient scaler left for the optimizer to divide out of the gradients.

    Args:
        optimizer: The optimizer, inside its step.

    Returns:
        The factor; 1 where there is none.
    """
    scale = getattr(optimizer, "grad_scale", None)
    return 1.0 if scale is None else float(scale)


def scale_left(squares: Tensor, scale: float, names: Sequence[str], optimizer: torch.optim.Optimizer) -> float:
    """Find the factor still in the gradients after a step, and refuse gradients that it overwrote.

    Args:
        squares: (P, 2) |∇L|² of each parameter before and after the step.
        scale: Factor in the gradients before it.
        names: Of the parameters.
        optimizer: Whose step it was.

    Returns:
        The factor after it: fused steps divide it out of the gradient itself.

    Raises:
        AntigradError: The step changed a gradient.
    """
    before, after = squares.unbind(1)
    for factor in (1.0, scale):
        if torch.allclose(before, after * factor**2, rtol=1e-4, atol=0, equal_nan=True):
            return scale / factor
    changed = ~torch.isclose(before, after, rtol=1e-4, atol=0, equal_nan=True)
    first = next(name for name, bad in zip(names, changed.tolist(), strict=True) if bad)
    raise AntigradError(
        f"{type(optimizer).__name__}.step() changed the gradient of {first}",
        "the gradient it was given, after the step",
        "watch with copy_grad=True (one more copy of the gradients)",
    )


def decay_rates(optimizer: torch.optim.Optimizer, blocks: Sequence[Block], apart: bool | None) -> Tensor:
    """Learning rate times decoupled weight decay of each block.

    Args:
        optimizer: The optimizer.
        blocks: The blocks.
        apart: Whether its weight decay acts apart from the gradient; None: as it says itself.

    Returns:
        (L,) float64, 0 where decay is a part of the gradient.
    """
    rates: dict[nn.Parameter, float] = {}
    for group in optimizer.param_groups:
        decoupled = group.get("decoupled_weight_decay", isinstance(optimizer, DECOUPLED)) if apart is None else apart
        rate = float(group.get("lr", 0.0)) * float(group.get("weight_decay", 0.0)) if decoupled else 0.0
        rates.update(dict.fromkeys(group["params"], rate))
    return torch.tensor([rates[block.parameter] for block in blocks], dtype=torch.float64)
