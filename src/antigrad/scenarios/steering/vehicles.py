"""Only vehicles are moved."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.scenarios.scene import VEHICLE
from antigrad.scenarios.steering.steering import Recording, Steering


@dataclass(frozen=True)
class Vehicles(Steering):
    """Candidates are vehicles.

    Sign: True keeps an object as a candidate.

    Source: Yin et al. 2024, arXiv 2409.07830, the released code, in both of its modes.

    Deviations: none.

    Example:
        >>> Vehicles().masks
        False
    """

    def keeps(self, recording: Recording) -> Tensor:  # noqa: D102
        return recording.scenes.kind == VEHICLE
