"""What an optimizer is given for its step: gradients, the factor still in them, its weight decay."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.geometry.dots import dense
from antigrad.geometry.watch.steps import inside
from antigrad.geometry.watch.watched import Block, local

DECOUPLED = (torch.optim.Adafactor, getattr(torch.optim, "Muon", torch.optim.Adafactor))
"""Classes that subtract learning rate times decay times weights apart from the gradient, and do not say so."""
DECAYS = ("weight_decay", "wd", "decay", "weight_decay_rate", "decoupled_decay", "l2")
"""Keys of a group under which optimizers keep their weight decay."""
APART = ("decoupled_weight_decay", "weight_decouple", "decoupled", "decouple", "decoupled_decay", "use_decoupled")
"""Keys under which they say that it acts apart from the gradient."""
FIXED = ("fixed_decay", "absolute_decay")
"""Keys under which they say that it is not multiplied by the learning rate."""


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


def keeps_gradients(optimizer: torch.optim.Optimizer) -> bool:
    """Whether an optimizer is known to leave the gradients it is given as they are.

    torch's own do, but for fused ones that divide a factor out; of all others a copy is taken.

    Args:
        optimizer: The optimizer, inside its step.

    Returns:
        True if no copy is needed.
    """
    return type(optimizer).__module__.startswith("torch.optim.") and getattr(optimizer, "grad_scale", None) is None


class Mark:
    """Remembers a gradient, to tell later whether a backward pass has been there since.

    Args:
        parameters: What is stepped.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameter = next((p for p in parameters if p.grad is not None), None)
        grad = None if self._parameter is None else self._parameter.grad
        self._grad = None if grad is None else weakref.ref(grad)
        self._version = -1 if grad is None else grad._version

    def stale(self) -> bool:
        """Whether the gradient is the very one that was remembered, untouched.

        Returns:
            False if there was none.
        """
        if self._parameter is None or self._grad is None or self._parameter.grad is None:
            return False
        return self._grad() is self._parameter.grad and self._parameter.grad._version == self._version

    def replaced(self) -> bool:
        """Whether another gradient has taken its place.

        Returns:
            False if there was none, or there is none now.
        """
        if self._parameter is None or self._grad is None or self._parameter.grad is None:
            return False
        return self._grad() is not self._parameter.grad


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
    if apart is None and isinstance(getattr(optimizer, "optimizer", None), torch.optim.Optimizer):
        return torch.zeros(len(blocks), dtype=torch.float64)  # A rule around a rule: decay is no part of its own.
    for group in optimizer.param_groups:
        decoupled = _says_apart(optimizer, group) if apart is None else apart
        rates.update(dict.fromkeys(group["params"], _rate(group) if decoupled else 0.0))
    return torch.tensor([rates.get(block.parameter, 0.0) for block in blocks], dtype=torch.float64)


def _says_apart(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> bool:
    for key in APART:
        if isinstance(group.get(key), bool):
            return group[key]
    within = optimizer
    while (deeper := inside(within)) is not None:
        within = deeper
    return isinstance(within, DECOUPLED) or any(key in group for key in ("weight_decay_rate", "decoupled_decay"))


def _rate(group: Mapping[str, Any]) -> float:
    decays = [float(group[key]) for key in DECAYS if _is_number(group.get(key))]
    fixed = any(group.get(key) is True for key in FIXED)
    rate = group.get("lr", 0.0)
    return (decays[0] if decays else 0.0) * (1.0 if fixed else float(rate) if _is_number(rate) else 0.0)


def _is_number(value: Any) -> bool:
    single = isinstance(value, Tensor) and value.numel() == 1
    return single or (isinstance(value, int | float) and not isinstance(value, bool))
