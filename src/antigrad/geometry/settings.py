"""What a watch was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from antigrad.geometry.watched import Granularity

Independent = Literal["lagged", "split", "held_out", "none"]
"""Where the gradient comes from that did not make the step."""


@dataclass(frozen=True)
class Settings:
    """What a watch was asked for.

    Args:
        every: Log one step in so many.
        granularity: Finest blocks.
        independent: Source of the independent gradient.
        held_out: Loss on held-out data, or None.
        other_parts: The parts come from data of their own, and need not sum to the loss of the step.
        rotate: Watch one in so many blocks at a time.
        copy_grad: Keep a copy of the gradient over the step.
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
    copy_grad: bool
    decoupled_decay: bool | None
    group: object
    world: int
