"""Gradients that did not make the step: from data held out, or from half of an accumulation."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, cast

import torch
from torch import Tensor, nn

from antigrad.core.errors import InputValueError
from antigrad.geometry.watch.given import given_gradients
from antigrad.geometry.watch.watched import is_sharded

Gradients = dict[nn.Parameter, Tensor]


@contextmanager
def undisturbed(model: nn.Module | None, parameters: Sequence[nn.Parameter]) -> Generator[None]:
    """Leave random streams, buffers and gradients as they were, whatever runs inside.

    Args:
        model: Whose buffers (running means) are put back; None if it is not known.
        parameters: Whose gradients are put back, with those of all parameters of the model.

    Yields:
        Nothing; evaluate inside.
    """
    buffers = [] if model is None else list(_buffers(model))
    others = [] if model is None else list(model.parameters())
    gradients = [(parameter, parameter.grad) for parameter in dict.fromkeys([*parameters, *others])]
    # Gradients that share one buffer (views into the buckets of a reduction) would be written over.
    shared = [(grad, grad.clone()) for _, grad in gradients if grad is not None and _shares_memory(grad)]
    devices = sorted({p.device.index or 0 for p in parameters if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices), torch.enable_grad():
        try:
            for parameter, _ in gradients:
                parameter.grad = None
            yield
        finally:
            with torch.no_grad():
                for gradient, saved in shared:
                    gradient.copy_(saved)
                for module, name, buffer, saved in buffers:
                    setattr(module, name, buffer.copy_(saved))
            for parameter, gradient in gradients:
                parameter.grad = gradient


def _buffers(model: nn.Module) -> Iterator[tuple[nn.Module, str, Tensor, Tensor]]:
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            yield module, name, buffer, buffer.detach().clone()


def _shares_memory(gradient: Tensor) -> bool:
    if gradient.is_sparse or is_sharded(gradient):
        return False
    return gradient.untyped_storage().nbytes() > gradient.numel() * gradient.element_size()


def gradient_of(
    loss: Callable[[], Any], parameters: Sequence[nn.Parameter], model: nn.Module | None
) -> tuple[float, Gradients]:
    """Evaluate a loss and its gradient on the side.

    Args:
        loss: Returns a scalar loss of the model as it is.
        parameters: With respect to what.
        model: Whose buffers must not change.

    Returns:
        The loss, and what this process holds of its gradient; parameters it does not reach are left out.

    Raises:
        InputValueError: The loss has no graph.
    """
    with undisturbed(model, parameters):
        value = loss()
        if not isinstance(value, Tensor) or value.ndim or not value.requires_grad:
            raise InputValueError(
                f"held_out returned {type(value).__name__}", "a scalar loss with a graph", "return it before backward"
            )
        value.backward(inputs=list(parameters) if model is None else None)
        return float(value.detach()), given_gradients(parameters)


def loss_of(loss: Callable[[], Any], parameters: Sequence[nn.Parameter], model: nn.Module | None) -> float:
    """Evaluate a loss on the side.

    Args:
        loss: Returns a scalar loss of the model as it is.
        parameters: The model's parameters.
        model: Whose buffers must not change.

    Returns:
        The loss.
    """
    with undisturbed(model, parameters), torch.no_grad():
        return float(loss())


def gradient_from_closure(
    closure: Callable[[], Any], parameters: Sequence[nn.Parameter], model: nn.Module | None
) -> Gradients:
    """Evaluate the closure of `step(closure)` once more, on the side, for the gradient at the start.

    Args:
        closure: Zeroes gradients, computes the loss, calls `backward`.
        parameters: What is stepped.
        model: Whose buffers must not change.

    Returns:
        Copies of the gradients.
    """
    with undisturbed(model, parameters):
        closure()
        return {p: gradient.clone() for p, gradient in given_gradients(parameters).items()}


@torch.no_grad()
def step_from(optimizer: torch.optim.Optimizer, gradients: Mapping[nn.Parameter, Tensor]) -> Gradients:
    """Parameters as the optimizer would leave them, had it been given other gradients; nothing is changed.

    Costs a copy of the parameters and of the optimizer's state, and one of its steps.

    Args:
        optimizer: Any optimizer of the standard interface, without closure.
        gradients: What it is given instead.

    Returns:
        The parameters after that step.

    Raises:
        InputValueError: The parameters are sharded, or `step` does not come from the standard class.
    """
    raw = getattr(type(optimizer).step, "__wrapped__", None)
    parameters = list(gradients)
    if raw is None or any(map(is_sharded, parameters)):
        raise InputValueError(
            f"independent='split' with {type(optimizer).__name__}, sharded or without the standard hooks",
            "an unsharded torch optimizer",
            "use independent='lagged' or 'held_out'",
        )
    state = cast(dict[Any, dict[str, Any]], optimizer.state)
    kept = {p: (p.detach().clone(), p.grad) for group in optimizer.param_groups for p in group["params"]}
    saved = {p: {key: _copy(value) for key, value in values.items()} for p, values in state.items()}
    groups = [
        {key: _copy(value) for key, value in group.items() if key != "params"} for group in optimizer.param_groups
    ]
    try:
        for parameter in kept:
            parameter.grad = gradients.get(parameter)
        with torch.random.fork_rng(devices=sorted({p.device.index or 0 for p in kept if p.device.type == "cuda"})):
            raw(optimizer)
        return {parameter: parameter.detach().clone() for parameter in parameters}
    finally:
        for parameter, (value, gradient) in kept.items():
            parameter.copy_(value)
            parameter.grad = gradient
        _restore(state, saved)
        for group, values in zip(optimizer.param_groups, groups, strict=True):
            _restore_values(group, values, keep=("params",))


def _restore(state: dict[Any, dict[str, Any]], saved: Mapping[Any, Mapping[str, Any]]) -> None:
    for parameter in list(state):
        if parameter in saved:
            _restore_values(state[parameter], saved[parameter])
        else:
            del state[parameter]


def _restore_values(values: dict[str, Any], saved: Mapping[str, Any], keep: tuple[str, ...] = ()) -> None:
    """Put values back in place, so that whoever holds a tensor of the state still holds it."""
    for key in [key for key in values if key not in saved and key not in keep]:
        del values[key]
    for key, value in saved.items():
        if isinstance(value, Tensor) and isinstance(values.get(key), Tensor):
            values[key].copy_(value)
        else:
            values[key] = value


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else deepcopy(value)
