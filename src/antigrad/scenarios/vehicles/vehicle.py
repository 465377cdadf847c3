"""What a vehicle model is: actions to states, a log to actions, and the bounds of an action."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.scenarios.dynamics import States


@dataclass(frozen=True, eq=False)
class Log:
    """Recorded motion of objects on the steps in which they are simulated.

    Args:
        states: (..., T+1) recorded position, yaw and ground speed; the start's entries hold before the run too.
        course: (..., T+1) rad, direction of the recorded velocity.
        mask: (..., T) True on steps that are simulated: both ends lie in the run.
        dt: s.
    """

    states: States
    course: Tensor
    mask: Tensor
    dt: float

    @property
    def start(self) -> States:
        """State at step 0, (...) each."""
        return States(*(value[..., 0] for value in self.states))


class Vehicle(ABC):
    """A vehicle model; two channels, the first along the path, the second across it.

    Attributes:
        channels: Name and unit of each channel.
    """

    channels: ClassVar[tuple[str, str]] = ("acceleration m/s²", "curvature 1/m")

    @abstractmethod
    def roll(self, log: Log, actions: Tensor) -> States:
        """Drive from the start of a log.

        Args:
            log: Start, mask and time step; (...).
            actions: (2, ..., T).

        Returns:
            (..., T+1) states, differentiable in the actions.
        """

    @abstractmethod
    def actions_of(self, log: Log) -> Tensor:
        """Actions that follow a log as closely as the model can.

        Args:
            log: (...).

        Returns:
            (2, ..., T), zero outside the mask.
        """

    def project(self, actions: Tensor) -> Tensor:
        """Bring actions back into the bounds.

        Args:
            actions: (2, ..., T).

        Returns:
            Actions the model can carry out.
        """
        return actions

    def physical(self, actions: Tensor) -> Tensor:
        """What actions mean.

        Args:
            actions: (2, ..., T).

        Returns:
            (2, ..., T) acceleration in m/s² and curvature in 1/m, after all bounds.
        """
        return self.project(actions)


def stacked_steps(steps: list[Tensor], like: Tensor) -> Tensor:
    """Join the steps of a loop along a last axis.

    Args:
        steps: (...) each, possibly none.
        like: Gives shape and dtype when there is none.

    Returns:
        (..., number of steps).
    """
    return torch.stack(steps, -1) if steps else like[..., None][..., :0]
