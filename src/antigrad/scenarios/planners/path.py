"""The recorded path of the ego, read by arc length."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.dynamics import States, wrap


@dataclass(frozen=True, eq=False)
class Path:
    """Paths of egos; past its end a path goes straight on.

    Args:
        states: (R, T) recorded.
        arc: (R, T) m driven up to each state.
    """

    states: States
    arc: Tensor

    @classmethod
    def of(cls, states: States) -> Path:
        """Measure a path.

        Args:
            states: (R, T).

        Returns:
            The path.
        """
        steps = torch.hypot(states.x.diff(dim=1), states.y.diff(dim=1))
        return cls(states, torch.cat([torch.zeros_like(steps[:, :1]), steps.cumsum(1)], 1))

    def at(self, arc: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Place and heading at arc lengths.

        Args:
            arc: (R, K) m.

        Returns:
            x, y, yaw, (R, K) each.
        """
        end = self.arc[:, -1:]
        inside = torch.minimum(arc, end).clamp(min=0)
        i = (torch.searchsorted(self.arc, inside.contiguous(), right=True) - 1).clamp(0, self.arc.shape[1] - 2)
        low, high = self.arc.gather(1, i), self.arc.gather(1, i + 1)
        share = ((inside - low) / (high - low).clamp(min=1e-3)).clamp(0, 1)
        x, y, yaw = self.states[:3]
        over = (arc - end).clamp(min=0)

        def between(value: Tensor) -> Tensor:
            first = value.gather(1, i)
            return first + share * (value.gather(1, i + 1) - first)

        heading = yaw.gather(1, i)
        heading = heading + share * wrap(yaw.gather(1, i + 1) - heading)
        return between(x) + over * yaw[:, -1:].cos(), between(y) + over * yaw[:, -1:].sin(), heading
