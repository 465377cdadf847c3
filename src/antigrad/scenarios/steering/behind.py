"""Cars behind the ego are not moved: their rear-end collisions could not be avoided."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.dynamics import wrap
from antigrad.scenarios.steering.steering import Recording, Steering


@dataclass(frozen=True)
class Behind(Steering):
    r"""Candidates are not in the sector behind the ego on most steps of the log.

    $$\frac1{|V|}\sum_{t\in V}\mathbb 1\big[|\operatorname{wrap}(\alpha_{i,t}-\psi_{0,t})|>7\pi/8\big]\le0.8$$

    Args:
        sector: rad from straight ahead at which "behind" begins.
        share: Of the steps, above which an object is behind.
        valid_only: Count steps where both were seen; released, all of them.

    Sign: True keeps an object as a candidate.

    Source: Yin et al. 2024, arXiv 2409.07830, "unavoidable rear-end collisions"; numbers of the released code.

    Deviations: counting valid steps only is ours. The rule is of places: an oncoming car that has passed is behind too.

    Example:
        >>> round(Behind().sector, 4), Behind().share
        (2.7489, 0.8)
    """

    sector: float = 7 * math.pi / 8
    share: float = 0.8
    valid_only: bool = True

    def keeps(self, recording: Recording) -> Tensor:  # noqa: D102
        scenes = recording.scenes
        apart = scenes.xy - scenes.xy[:, :1]
        bearing = wrap(torch.atan2(apart[..., 1], apart[..., 0]) - scenes.yaw[:, :1])
        counted = scenes.valid & scenes.valid[:, :1] if self.valid_only else torch.ones_like(scenes.valid)
        behind = ((bearing.abs() > self.sector) & counted).sum(-1)
        return behind <= self.share * counted.sum(-1).clamp(min=1)
