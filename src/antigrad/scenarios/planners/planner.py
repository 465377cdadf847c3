"""What a planner is: it drives the ego of each row through traffic whose motion is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from antigrad.scenarios.closest import everyone
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.gap import Box
from antigrad.scenarios.traffic import Traffic, View


@dataclass(frozen=True, eq=False)
class Drive:
    """What a planner did.

    Args:
        states: (R, T) of the ego; where it failed, the recorded ones.
        problems: Row, and what went wrong there.
    """

    states: States
    problems: dict[int, str] = field(default_factory=dict[int, str])


@dataclass(frozen=True, eq=False)
class Around:
    """What is around the ego.

    Args:
        box: (R, A, T) of all other objects, where they are now.
        present: (R, A, T) True where such an object is there.
        speed: (R, A, T) m/s along their yaw.
    """

    box: Box
    present: Tensor
    speed: Tensor

    @classmethod
    def of(cls, view: View) -> Around:
        """Gather what is around the egos of rows.

        Args:
            view: The rows.

        Returns:
            Movers where they are now, all others where they were recorded.
        """
        traffic = view.traffic
        row, number = traffic.moving.nonzero(as_tuple=True)
        place = (row, traffic.mover[row, number])
        box, present = everyone(view)
        if traffic.mover.shape[1] == 1:  # `everyone` leaves the one mover of a row out, here it must be in.
            now = [value.clone() for value in box[:4]]
            for value, new in zip(now, view.moved[:4], strict=True):
                value[place] = new.detach()[row, number]
            box = box._replace(x=now[0], y=now[1], cos=now[2], sin=now[3])
            present = present.clone()
            present[place] = traffic.live[row, number]
        speed = traffic.other_speed.clone()
        speed[place] = view.states.speed.detach()[row, number]
        return cls(box, present, speed)


class Planner(ABC):
    """A planner under test. Subclasses are frozen dataclasses, one per file.

    At step t it may look at what happened up to t, no further.

    Attributes:
        reactive: Whether it answers to traffic; if not, it is rolled out once.
    """

    reactive: ClassVar[bool] = True

    def prepare(self, traffic: Traffic) -> tuple[Tensor, ...]:
        """What does not change during an attack.

        Args:
            traffic: The rows.

        Returns:
            Tensors with rows first.
        """
        return ()

    def problem(self) -> str | None:
        """Say why it can't drive anything, before a run begins.

        Returns:
            Why; None if nothing is known to be in its way.
        """
        return None

    @abstractmethod
    def drive(self, view: View, prepared: tuple[Tensor, ...]) -> Drive:
        """Drive the ego of each row.

        Args:
            view: The rows; its `ego` is not looked at.
            prepared: What `prepare` gave for these rows.

        Returns:
            States, and what went wrong.
        """


def logged(view: View) -> States:
    """The recorded ego.

    Args:
        view: The rows.

    Returns:
        (R, T), its speed along the yaw not below 0.
    """
    return view.traffic.ego_log


def start_of(states: States) -> States:
    """First state.

    Args:
        states: (R, T).

    Returns:
        (R,) each.
    """
    return States(*(value[:, 0] for value in states))
