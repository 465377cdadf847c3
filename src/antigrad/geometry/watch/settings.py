"""What a watch was asked for, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from torch import nn

from antigrad.core.errors import did_you_mean
from antigrad.geometry.effects import SafeWeight
from antigrad.geometry.watch.watched import Granularity

Independent = Literal["lagged", "split", "held_out", "none"]
"""Where the gradient comes from that did not make the step."""


@dataclass(frozen=True)
class Settings:
    """What a watch was asked for.

    Args:
        every: Log one step in this many.
        granularity: Finest blocks.
        independent: Source of the independent gradient.
        held_out: Loss on held-out data, a scalar or (N,), or None.
        other_parts: The parts come from data of their own, and need not sum to the loss of the step.
        rotate: Watch one in this many blocks at a time.
        decoupled_decay: Whether weight decay acts apart from the gradient; None asks the optimizer.
        group: Process group; None for one process.
        world: Number of processes.
    """

    every: int
    granularity: Granularity
    independent: Independent
    held_out: Callable[[], Any] | None
    other_parts: bool
    rotate: int
    decoupled_decay: bool | None
    group: object
    world: int


def wrong_numbers(every: object, rotate: object, granularity: object, weight: object) -> list[str]:
    """Check how often, how finely and with which weight.

    Args:
        every: A whole number from 1.
        rotate: A whole number from 1.
        granularity: One of the four.
        weight: A number from 0, `safe`, or a `SafeWeight`.

    Returns:
        A sentence for each that is wrong.
    """
    problems: list[str] = []
    for name, value in (("every", every), ("rotate", rotate)):
        if not isinstance(value, int) or value < 1:
            problems.append(f"{name}={value!r}: a whole number from 1")
    if granularity not in get_args(Granularity):
        problems.append(f"granularity {granularity!r}: {did_you_mean(str(granularity), get_args(Granularity))}")
    if isinstance(weight, int | float) and not isinstance(weight, bool):
        if not 0 <= weight < math.inf:
            problems.append(f"weight={weight!r}: a finite number from 0")
    elif weight != "safe" and not isinstance(weight, SafeWeight):
        problems.append(f"weight={weight!r}: a number, 'safe', or a SafeWeight")
    return problems


def wrong_kinds(model: object, functions: Mapping[str, object]) -> list[str]:
    """Check what is called, and the model.

    Args:
        model: A module, or None.
        functions: Name of an option, and a function or None.

    Returns:
        A sentence for each that is wrong.
    """
    problems = [
        f"{name}: a {type(value).__name__}, where a function that is called on logged steps is needed"
        for name, value in functions.items()
        if value is not None and not callable(value)
    ]
    if model is not None and not isinstance(model, nn.Module):
        problems.append(f"model: a {type(model).__name__}, where the torch.nn.Module that is trained is needed")
    return problems


def wrong_source(independent: str, held_out: object, world: int) -> list[str]:
    """Check where the independent gradient comes from.

    Args:
        independent: One of the four sources.
        held_out: The loss on held-out data, or None.
        world: Number of processes.

    Returns:
        A sentence for each that is wrong.
    """
    problems: list[str] = []
    if independent not in get_args(Independent):
        problems.append(f"independent={independent!r}: one of {', '.join(get_args(Independent))}, or None")
    if independent == "held_out" and held_out is None:
        problems.append("independent='held_out' without a loss: give held_out=, a function that returns one")
    if independent == "split" and world > 1:
        problems.append("independent='split' in several processes, whose halves are not averaged: use 'lagged'")
    return problems
