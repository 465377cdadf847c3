"""What a metric is: the rows as they are, to a value and its validity at every step of every mover."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from antigrad.scenarios.traffic import View


@dataclass(frozen=True, eq=False)
class Reading:
    """A metric of each mover.

    Args:
        value: (R, M, T).
        valid: (R, M, T) True where there was something to measure.
    """

    value: Tensor
    valid: Tensor

    def worst(self, danger: Literal["low", "high"], until: Tensor | None = None) -> Tensor:
        """Most dangerous value of each mover.

        Args:
            danger: Which way danger lies.
            until: (R,) last step that counts; None for all.

        Returns:
            (R, M), NaN where nothing was measured.
        """
        counted = self.valid
        if until is not None:
            counted = counted & (torch.arange(counted.shape[-1], device=counted.device) <= until[:, None, None])
        sign = 1.0 if danger == "low" else -1.0
        least = torch.where(counted, sign * self.value, torch.inf).amin(-1)
        return torch.where(counted.any(-1), sign * least, torch.nan)


class TrafficMetric(ABC):
    """A metric, exact and without a gradient. Subclasses are frozen dataclasses, one per file.

    Attributes:
        unit: Of the value.
        danger: Whether a low or a high value is the dangerous one.
    """

    unit: ClassVar[str]
    danger: ClassVar[Literal["low", "high"]]

    @torch.no_grad()
    def __call__(self, view: View) -> Reading:
        """Measure.

        Args:
            view: The rows.

        Returns:
            (R, M, T) values; 0 where not valid.
        """
        reading = self.measure(view)
        return Reading(torch.where(reading.valid, reading.value, 0.0), reading.valid)

    @abstractmethod
    def measure(self, view: View) -> Reading:
        """Measure; what is not valid may be anything.

        Args:
            view: The rows.

        Returns:
            (R, M, T) values.
        """


def velocities(view: View) -> tuple[Tensor, Tensor]:
    """Velocity of the movers relative to the ego.

    Args:
        view: The rows.

    Returns:
        (R, M, T) m/s along x and y.
    """
    own, mine = view.ego_box, view.moved
    ego, speed = view.ego.speed[:, None], view.states.speed
    return speed * mine.cos - ego * own.cos, speed * mine.sin - ego * own.sin
