"""The recorded ego: it answers nothing."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from antigrad.scenarios.planners.planner import Drive, Planner, logged
from antigrad.scenarios.traffic import View


@dataclass(frozen=True)
class LogReplay(Planner):
    """The recorded ego, whatever the others do.

    Sign: none.

    Source: Yin et al. 2024, arXiv 2409.07830, and Hanselmann et al. 2022, arXiv 2204.13683, both use it.

    Deviations: none.

    Example:
        >>> LogReplay().reactive
        False
    """

    reactive = False

    def drive(self, view: View, prepared: tuple[Tensor, ...]) -> Drive:  # noqa: D102
        return Drive(logged(view))
