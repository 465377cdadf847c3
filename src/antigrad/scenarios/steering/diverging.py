"""Cars ahead that point away from the ego's path do not steer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.dynamics import wrap
from antigrad.scenarios.steering.steering import Steering
from antigrad.scenarios.traffic import View


def diverges(bearing: Tensor, yaw: Tensor, ahead: float, window: float) -> Tensor:
    """Whether an object ahead points farther away from the ego's heading than it already is.

    Args:
        bearing: Δα, rad, of the object, relative to the ego's yaw.
        yaw: Δψ, rad, of the object, relative to the ego's yaw.
        ahead: rad; largest |Δα|, not included.
        window: rad; largest |Δψ|, not included.

    Returns:
        True where 0 < Δα/Δψ < 1 within both.
    """
    ratio = bearing / yaw
    return (ratio > 0) & (ratio < 1) & (bearing.abs() < ahead) & (yaw.abs() < window)


@dataclass(frozen=True)
class Diverging(Steering):
    r"""No steering for movers that are ahead of the ego and point away from its path; they may brake.

    $$\frac1{|V|}\sum_{t\in V}\mathbb 1\Big[0<\frac{\Delta\alpha}{\Delta\psi}<1\wedge|\Delta\alpha|<\tfrac\pi8\wedge
    |\Delta\psi|<w\Big]>0.5\ \Rightarrow\ \text{curvature}\times0$$

    Args:
        ahead: rad; sector ahead of the ego.
        window: w, rad; π/8 in the paper, π/2 as released.
        share: Of the steps, above which the whole sequence is frozen.
        before: Mask the gradient before Adam's moments and reset these; as released, Adam's output is masked, and
            what the moments gathered meanwhile is set free at once on thawing.

    Raises:
        InputValueError: An option is out of range.

    Sign: a factor 0 keeps the curvature as it is; it does not bring back the log's.

    Source: Yin et al. 2024, arXiv 2409.07830; the threshold has no value there, 0.5 is the released code's.

    Deviations: the share is of valid steps. `before` is ours.

    Example:
        >>> degrees = torch.tensor([5.0, 10.0]).deg2rad()
        >>> [bool(diverges(a, b, math.pi / 8, math.pi / 2)) for a, b in [degrees, degrees.flip(0)]]
        [True, False]
    """

    masks = True
    ahead: float = math.pi / 8
    window: float = math.pi / 8
    share: float = 0.5
    before: bool = True

    def __post_init__(self) -> None:
        if not (0 < self.ahead <= math.pi and 0 < self.window <= math.pi and 0 <= self.share < 1):
            raise InputValueError(
                f"ahead={self.ahead}, window={self.window}, share={self.share}",
                "angles in (0, π], a share in [0, 1)",
                "leave the rule out to switch it off",
            )

    @property
    def before_moments(self) -> bool:
        """Whether the gradient is masked, not Adam's output."""
        return self.before

    def frozen(self, view: View) -> Tensor:
        """Which movers do not steer.

        Args:
            view: The rows.

        Returns:
            (R, M).
        """
        states, ego = view.states, view.ego
        heading = ego.yaw[:, None]
        bearing = wrap(torch.atan2(states.y - ego.y[:, None], states.x - ego.x[:, None]) - heading)
        away = diverges(bearing, wrap(states.yaw - heading), self.ahead, self.window) & view.live
        return away.sum(-1) > self.share * view.live.sum(-1)

    def scale(self, view: View) -> Tensor:  # noqa: D102
        curvature = torch.where(self.frozen(view), 0.0, 1.0).to(view.states.x)
        return torch.stack([torch.ones_like(curvature), curvature])
