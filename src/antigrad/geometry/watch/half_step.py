"""The step that an optimizer would have made from half of its batch, taken on the side and taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

import torch
from torch import Tensor, nn

from antigrad.core.errors import InputValueError
from antigrad.geometry.dots import dense
from antigrad.geometry.watch.steps import inside
from antigrad.geometry.watch.undisturbed import undisturbed
from antigrad.geometry.watch.watched import Gradients, is_sharded

_PLAIN = (bool, int, float, str, type(None), Tensor)
"""What an optimizer may keep beside its groups and its state, and change in a step."""


def half_step(
    optimizer: torch.optim.Optimizer, halves: Sequence[Gradients], step: int, *, by_closure: bool
) -> tuple[Gradients, Gradients]:
    """Find the move that one half of a batch would have made, and the gradient of the other half.

    Args:
        optimizer: Before its step, with the gradient of the whole batch.
        halves: Gradients that `half` kept: of the first half, and of the second where it was called again.
        step: Number of the step.
        by_closure: Whether the step has a closure.

    Returns:
        Move and gradient.

    Raises:
        InputValueError: There are no halves.
    """
    if by_closure:
        raise InputValueError(
            "independent='split' with step(closure)", "a step without one", "use independent='held_out'"
        )
    if not halves:
        raise InputValueError(
            f"independent='split' without half() before step {step}",
            "a call of half() between the two halves of the batch",
            "call it after the first half's backward, or use independent='lagged'",
        )
    first = halves[0]
    grads = {p: p.grad for p in first if p.grad is not None}
    second = halves[1] if len(halves) > 1 else {p: 2 * grad - first[p] for p, grad in grads.items()}
    moved = step_from(optimizer, first)
    for parameter in moved:
        moved[parameter] -= parameter.detach()
    return moved, {p: dense(gradient) for p, gradient in second.items()}


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
        InputValueError: The parameters are sharded, `step` does not come from the standard class, or the optimizer
            is built around another, whose state is out of reach.
    """
    raw = getattr(type(optimizer).step, "__wrapped__", None)
    parameters = list(gradients)
    if raw is None or inside(optimizer) is not None or any(map(is_sharded, parameters)):
        raise InputValueError(
            f"independent='split' with {type(optimizer).__name__}: sharded, around another, or without torch's hooks",
            "an unsharded torch optimizer by itself",
            "use independent='lagged' or 'held_out'",
        )
    state = cast(dict[Any, dict[str, Any]], optimizer.state)
    kept = {p: (p.detach().clone(), p.grad) for group in optimizer.param_groups for p in group["params"]}
    saved = {p: {key: _copy(value) for key, value in values.items()} for p, values in state.items()}
    groups = [
        {key: _copy(value) for key, value in group.items() if key != "params"} for group in optimizer.param_groups
    ]
    own = {name: _copy(value) for name, value in vars(optimizer).items() if isinstance(value, _PLAIN)}
    try:
        with undisturbed(None, list(kept)), torch.no_grad():
            for parameter in kept:
                # An optimizer may write over what it is given.
                gradient = gradients.get(parameter)
                parameter.grad = None if gradient is None else gradient.clone()
            raw(optimizer)
            return {parameter: parameter.detach().clone() for parameter in parameters}
    finally:
        for parameter, (value, gradient) in kept.items():
            parameter.copy_(value)
            parameter.grad = gradient
        _restore_values(vars(optimizer), own, keep=tuple(vars(optimizer)))
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
