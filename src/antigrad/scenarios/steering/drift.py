"""Objects whose log the vehicle model can't follow are not moved."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.steering.steering import Recording, Steering


@dataclass(frozen=True)
class Drift(Steering):
    r"""Candidates are reconstructed from their own actions to within a distance.

    $$\max_{t\in V_i}\lVert p_{i,t}-p^{log}_{i,t}\rVert\le d$$

    Args:
        most: d, m.

    Raises:
        InputValueError: d is not above 0.

    Sign: True keeps an object as a candidate.

    Source: ours; 1 m is a third party's cut-off, which keeps some 93 % of candidates.

    Deviations: none.

    Example:
        >>> Drift().most
        1.0
    """

    most: float = 1.0

    def __post_init__(self) -> None:
        if not self.most > 0:
            raise InputValueError(f"most={self.most}", "above 0 m", "leave the rule out to switch it off")

    def keeps(self, recording: Recording) -> Tensor:  # noqa: D102
        recorded, driven = recording.log.states, recording.driven
        drift = torch.hypot(driven.x - recorded.x, driven.y - recorded.y)
        return torch.where(recording.live, drift, 0.0).amax(-1) <= self.most
