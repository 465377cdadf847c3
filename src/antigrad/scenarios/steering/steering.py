"""What a steering rule is: it keeps candidates, or scales what the gradient does to them."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antigrad.scenarios.dynamics import States
from antigrad.scenarios.scene import Scenes
from antigrad.scenarios.traffic import View, recorded
from antigrad.scenarios.vehicles import Log, Vehicle


@dataclass(frozen=True, eq=False)
class Recording:
    """What filters see: the scenes, and how well the vehicle follows their logs.

    Args:
        scenes: N scenes, the ego as object 0.
        log: (N, A) recorded motion on the longest valid runs.
        live: (N, A, T) True on these runs.
        driven: (N, A, T) what the vehicle reaches with the log's actions.
    """

    scenes: Scenes
    log: Log
    live: Tensor
    driven: States

    @classmethod
    def of(cls, scenes: Scenes, vehicle: Vehicle) -> Recording:
        """Look at scenes.

        Args:
            scenes: N scenes, the ego as object 0.
            vehicle: What movers drive.

        Returns:
            The recording.
        """
        log, live = recorded(scenes)
        return cls(scenes, log, live, vehicle.roll(log, vehicle.actions_of(log)))

    @property
    def objects(self) -> Tensor:
        """(N, A) True for every object but the ego."""
        there = self.scenes.present.clone()
        there[:, 0] = False
        return there


class Steering(ABC):  # noqa: B024 - a rule has a filter or a mask, neither is a must
    """A rule of the attack. Subclasses are frozen dataclasses, one per file.

    A filter gives `keeps`, a mask gives `scale`; each leaves the other as it is.

    Attributes:
        masks: Whether the rule has a `scale`.
    """

    masks: ClassVar[bool] = False

    @property
    def before_moments(self) -> bool:
        """Whether `scale` acts on the gradient, so that moments do not pile up, or on Adam's output."""
        return False

    def keeps(self, recording: Recording) -> Tensor:
        """Choose candidates.

        Args:
            recording: N scenes.

        Returns:
            (N, A) True where an object may be moved, as far as this rule goes.
        """
        return torch.ones_like(recording.scenes.kind, dtype=torch.bool)

    def scale(self, view: View) -> Tensor:
        """Scale what acts on each channel of each mover, from the states as they are now.

        Args:
            view: The rows, without a graph.

        Returns:
            (2, R, M) factors on acceleration and curvature.
        """
        return view.states.x.new_ones(2, *view.states.x.shape[:2])
