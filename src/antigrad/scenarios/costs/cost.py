"""What a cost is: rows of traffic to one figure each, with its validity and its part."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from antigrad.scenarios.traffic import Traffic, View


@dataclass(frozen=True, eq=False)
class Value:
    """A cost of each row.

    Args:
        value: (R,), differentiable in the actions; 0 where not valid.
        valid: (R,) True where there was something to measure.
        winner: (R,) the mover the value comes from, -1 where it comes from none or all.
    """

    value: Tensor
    valid: Tensor
    winner: Tensor | None = None

    @staticmethod
    def where(valid: Tensor, value: Tensor, winner: Tensor | None = None) -> Value:
        """Zero what is not valid.

        Args:
            valid: (R,).
            value: (R,).
            winner: (R,).

        Returns:
            The value.
        """
        return Value(torch.where(valid, value, 0.0), valid, winner)


class Cost(ABC):
    """A cost of an attack. Subclasses are frozen dataclasses, one per file.

    A row's cost depends on that row alone, and on a mover's actions only through its states: summed over rows, the
    gradient is block-diagonal.

    Attributes:
        part: `down`: lowering the cost lowers the safety margin; `anchor`: it keeps the scene plausible.
        unit: Of the value.
        needs_road: Whether it measures nothing without a drivable area.
    """

    part: ClassVar[Literal["down", "anchor"]]
    unit: ClassVar[str]
    needs_road: ClassVar[bool] = False

    def constant(self, traffic: Traffic) -> Tensor:
        """What the cost has to know of the rows before the attack; computed once.

        Args:
            traffic: The rows.

        Returns:
            (R, ...), rows first.
        """
        return traffic.driven.x.new_zeros(len(traffic))

    @abstractmethod
    def __call__(self, view: View, constant: Tensor) -> Value:
        """Cost of each row.

        Args:
            view: The rows as they are now.
            constant: (R, ...) what `constant` gave for them.

        Returns:
            (R,) values.
        """
