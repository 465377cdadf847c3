"""A step that is being watched, and a row that waits for the gradient of the next batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.geometry.watch.held_out import HeldOut
from antigrad.geometry.watch.pool import Products
from antigrad.geometry.watch.table import Table
from antigrad.geometry.watch.watched import Block, Gradients, local


@dataclass
class Step:
    """What is known of a step, from its beginning to the row it becomes.

    Args:
        blocks: What is looked at.
        old: A copy of the parameters before it; after it, the move.
        decay: (L,) learning rate times decoupled weight decay of each block.
        scale: Factor in the gradients it was given.
        buffer: Which of two the copy is in: the other may hold the move of a row that waits.
        half: The step that half of the batch would have made, and the gradient of the other half.
        held_out: Loss and gradient on held-out data at its start.
    """

    blocks: list[Block]
    old: Gradients
    decay: Tensor
    scale: float
    buffer: int
    half: tuple[Gradients, Gradients] | None = None
    held_out: HeldOut | None = None

    def keep(self, gradients: Mapping[nn.Parameter, Tensor]) -> None:
        """Leave out blocks without a gradient.

        Args:
            gradients: Those that made the step.
        """
        shared = [block.parameter in gradients for block in self.blocks]
        if not all(shared):
            self.blocks = [block for block, both in zip(self.blocks, shared, strict=True) if both]
            self.decay = self.decay[torch.tensor(shared)]
            self.old = {parameter: old for parameter, old in self.old.items() if parameter in gradients}

    def moved(self) -> None:
        """Turn the copy into the move, in place: it is all that is needed from now on."""
        for parameter, old in self.old.items():
            torch.sub(local(parameter), old, out=old)


@dataclass
class Pending:
    """A row that waits for the gradient of the next batch.

    Args:
        row: What it says so far.
        step: The step; its move is kept.
        own: Its products with the gradient that made it; None if that is not known.
        table: Its sums with that gradient, for those that are of the step alone.
        drops: Products with the gradient accumulated so far in the next batch.
    """

    row: dict[str, Any]
    step: Step
    own: Products | None
    table: Table
    drops: list[float] = field(default_factory=list[float])
