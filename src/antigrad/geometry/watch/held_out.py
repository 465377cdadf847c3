"""A loss on data that is not trained on: its gradient, its losses, and how each sample's falls along a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.core.errors import InputValueError
from antigrad.geometry.forward_mode import directional_derivatives
from antigrad.geometry.watch.given import given_gradients
from antigrad.geometry.watch.undisturbed import undisturbed
from antigrad.geometry.watch.watched import Gradients, is_sharded

Loss = Callable[[], Any]
"""Returns a scalar loss of the model as it is, or the losses (N,) of N samples."""


@dataclass(frozen=True)
class HeldOut:
    """A held-out loss before a step.

    Args:
        losses: (N,), or (1,) where the closure returns a scalar.
        gradients: What this process holds of the gradient of their mean; parameters it does not reach are left out.
    """

    losses: Tensor
    gradients: Gradients

    @property
    def has_samples(self) -> bool:
        """Whether there are several losses, whose spread says how noisy their mean is."""
        return len(self.losses) > 1


def held_out_gradient(loss: Loss, parameters: Sequence[nn.Parameter], model: nn.Module | None) -> HeldOut:
    """Evaluate a loss and its gradient on the side.

    Args:
        loss: The closure.
        parameters: With respect to what.
        model: All of whose state is put back.

    Returns:
        Losses and gradient.

    Raises:
        InputValueError: The loss has no graph, or is no vector.
    """
    with undisturbed(model, parameters):
        value = loss()
        if not isinstance(value, Tensor) or value.ndim > 1 or not value.numel() or not value.requires_grad:
            shape = f" {tuple(value.shape)}" if isinstance(value, Tensor) else ""
            raise InputValueError(
                f"held_out returned {type(value).__name__}{shape}",
                "a scalar loss with a graph, or the losses (N,) of N samples",
                "return it before backward",
            )
        value.mean().backward(inputs=list(parameters) if model is None else None)
        return HeldOut(value.detach().reshape(-1).double().cpu(), given_gradients(parameters))


def held_out_losses(loss: Loss, parameters: Sequence[nn.Parameter], model: nn.Module | None) -> Tensor:
    """Evaluate a loss on the side.

    Args:
        loss: The closure.
        parameters: The model's parameters.
        model: All of whose state is put back.

    Returns:
        (N,) or (1,) losses on the CPU.
    """
    with undisturbed(model, parameters), torch.no_grad():
        return torch.as_tensor(loss()).detach().reshape(-1).double().cpu()


def sample_slopes(loss: Loss, model: nn.Module | None, moves: Mapping[nn.Parameter, Tensor]) -> Tensor | None:
    r"""How each sample's loss falls along a step, at its start, by one forward-mode pass.

    $$d_i=-\nabla\ell_i(\theta)\cdot g$$

    Args:
        loss: Returns losses (N,) of the model.
        model: The model; its tensors are swapped for the pass and put back.
        moves: g, the parameters after the step minus before it.

    Returns:
        (N,) d_i on the CPU. None where they can't be had: the model is not known or sharded, or one of its
        operations has no forward-mode derivative.

    Sign: positive for a sample whose loss falls.
    """
    names = {} if model is None else {p: name for name, p in model.named_parameters() if p in moves}
    if model is None or any(map(is_sharded, moves)) or len(names) < len(moves):
        return None
    with undisturbed(model, list(names)):
        start = {name: p.detach() - moves[p] for p, name in names.items()}
        along = {name: moves[p].clone() for p, name in names.items()}
        slopes = directional_derivatives(loss, model, start, along)
    return None if slopes is None else -slopes.reshape(-1).double().cpu()
