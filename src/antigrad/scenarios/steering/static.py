"""Parked cars are not moved."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.steering.steering import Recording, Steering


@dataclass(frozen=True)
class Static(Steering):
    r"""Candidates moved in the log.

    $$\lVert p_T-p_0\rVert\ge d\ \text{ and }\ \max_tv_t\ge v_{min}$$

    Args:
        distance: d, m between the first and the last valid step.
        speed: v_min, m/s, of the fastest valid step: tracks of parked cars jitter. 0 switches this half off.
        raw: Take the first and last entry of the arrays, valid or not, as released.

    Sign: True keeps an object as a candidate.

    Source: Yin et al. 2024, arXiv 2409.07830, "static adversaries"; 0.2 m is the released code's.

    Deviations: valid ends and the speed are ours. With `raw`, what is not valid counts as the scene's origin, where the
        released arrays have −1. A car that loops back counts as static.

    Example:
        >>> Static().distance, Static().speed
        (0.2, 0.2)
    """

    distance: float = 0.2
    speed: float = 0.2
    raw: bool = False

    def keeps(self, recording: Recording) -> Tensor:  # noqa: D102
        xy = recording.scenes.xy
        if not self.raw:  # The ends of what is valid, gaps between them or not.
            valid = recording.scenes.valid
            steps = torch.arange(valid.shape[-1], device=valid.device)
            ends = torch.stack(
                [torch.where(valid, steps, len(steps) - 1).amin(-1), torch.where(valid, steps, 0).amax(-1)]
            )
            xy = torch.stack([xy.gather(2, end[..., None, None].expand(-1, -1, 1, 2))[:, :, 0] for end in ends], 2)
        moved = (xy[:, :, -1] - xy[:, :, 0]).norm(dim=-1) >= self.distance
        fastest = torch.where(recording.scenes.valid, recording.scenes.speed, 0.0).amax(-1)
        return moved & (fastest >= self.speed)
