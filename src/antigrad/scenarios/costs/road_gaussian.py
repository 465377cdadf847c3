"""A Gaussian around each corner, summed over the cells off the road: KING's term and the paper's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.gap import corners
from antigrad.scenarios.traffic import View


def live_corners(view: View, reach: float, length: float = 0.0, width: float = 0.0) -> tuple[Tensor, Tensor]:
    """Corners of movers that have the border of the road within reach, or are off it.

    Args:
        view: The rows; with a map.
        reach: m to each side.
        length: m, of one box for all; 0 for their own sizes.
        width: m.

    Returns:
        (P, 2) m, with the graph, and (P,) the row of each.
    """
    box = view.moved
    if length:
        one = torch.ones_like(box.half_length)
        box = box._replace(half_length=one * length / 2, half_width=one * width / 2)
    points = corners(box)
    if view.traffic.road is None:
        return points.flatten(0, -2)[:0], view.traffic.scene[:0]
    with torch.no_grad():
        near = view.traffic.road(points, view.traffic.scene) > -math.sqrt(2) * reach
        place = (near & view.traffic.live[..., None]).nonzero(as_tuple=True)
    return points[place], place[0]


@dataclass(frozen=True)
class RoadGaussian(Cost):
    r"""Mass off the road of a Gaussian around each corner.

    $$C=\frac1T\sum_{i,t,c}\sum_qm^{off}_q\frac{h^2}{2\pi\sigma^2}e^{-\lVert q-x_{i,t,c}\rVert^2/2\sigma^2}$$

    over cells q of side h; m is 1 off the road.

    Args:
        sigma: σ, m.
        cell: h, m.
        pixel: m, whose area stands for h² in the weight; 0 for the cell's own. KING sums every second pixel.
        length: m, of one box for all movers; 0 for their own sizes.
        width: m.

    Raises:
        InputValueError: An option is not positive.

    Sign: minimising this brings corners back onto the road, if they are near its border.

    Source: Yin et al. 2024, arXiv 2409.07830 (σ 0.5 m assumed); Hanselmann et al. 2022, arXiv 2204.13683 (σ 1 m).

    Deviations: cells beyond 4σ, less than 0.04 % of the mass, are left out.

    Example:
        >>> RoadGaussian().sigma, RoadGaussian().part
        (0.5, 'anchor')
    """

    part = "anchor"
    unit = "corners"
    needs_road = True
    sigma: float = 0.5
    cell: float = 1.0
    pixel: float = 0.0
    length: float = 0.0
    width: float = 0.0

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and self.cell > 0 and min(self.pixel, self.length, self.width) >= 0):
            raise InputValueError(f"{self}", "sigma and cell above 0, the rest at least 0", "0.5 and 1 are usual")

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        traffic = view.traffic
        valid = traffic.moving.any(1) & (traffic.road is not None)
        point, row = live_corners(view, 4 * self.sigma, self.length, self.width)
        if traffic.road is None or not len(point):
            return Value(torch.zeros_like(constant), valid)
        with torch.no_grad():
            off, x, y = traffic.road.off_cells(self.cell).around(point, traffic.scene[row], 4 * self.sigma)
        mass = (self.pixel or self.cell) ** 2 / (2 * math.pi * self.sigma**2)
        along = torch.exp((x - point[:, :1]).square() / (-2 * self.sigma**2))
        across = torch.exp((y - point[:, 1:]).square() / (-2 * self.sigma**2))  # The Gaussian is a product of two.
        each = mass * (across * (off.to(point) @ along[..., None])[..., 0]).sum(-1)
        return Value.where(valid, torch.zeros_like(constant).index_add(0, row, each) / traffic.horizon)
