"""The released off-road term, its crop error included: it is almost always zero."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.scenarios.costs.cost import Cost, Value
from antigrad.scenarios.costs.road_gaussian import live_corners
from antigrad.scenarios.traffic import View

CROP = 32
"""Cells of a crop to a side."""
SIGMA = 0.5
"""m."""


@dataclass(frozen=True)
class RoadCrop(Cost):
    r"""Gaussian around each corner over the off-road cells of a crop of the map, which is cut in the wrong place.

    $$C=\sum_{i,t,c}\ \sum_{q\in crop}m^{off}_q\frac1{\sigma\sqrt{2\pi}}e^{-\lVert q-x_{i,t,c}\rVert^2/2\sigma^2}$$

    The crop starts at min(cell − 16, 0), counted from the far end where negative and then pushed inside, and the cell
    number along x selects rows. Corners outside their own crop contribute nothing.

    Args:
        corrected: Cut the crop around the corner: what was meant.

    Sign: where it is not dead, minimising this brings corners back onto the road.

    Source: Yin et al. 2024, arXiv 2409.07830, the released code.

    Deviations: cells more than 4 m from the corner (weight below e⁻³²) are left out. The map's extent, from which the
        crop is counted, is that of the scene's raster; as released, the bounding box of the road edges.

    Example:
        >>> RoadCrop().corrected, RoadCrop().part
        (False, 'anchor')
    """

    part = "anchor"
    unit = "1/m"
    needs_road = True
    corrected: bool = False

    def __call__(self, view: View, constant: Tensor) -> Value:  # noqa: D102
        road, traffic = view.traffic.road, view.traffic
        valid = traffic.moving.any(1) & (road is not None)
        point, row = live_corners(view, 4.0)
        if road is None or not len(point):
            return Value(torch.zeros_like(constant), valid)
        with torch.no_grad():
            reach = round(4.0 / road.cell)
            scene = traffic.scene[row]
            first = ((point - road.origin[scene]) / road.cell).round().long()  # along x, along y
            start = _crop_start(first, road.extent[scene]) if not self.corrected else (first - CROP // 2).flip(-1)
            rows_columns = first.flip(-1)
            some = ((rows_columns >= start - reach) & (rows_columns < start + CROP + reach)).all(
                -1
            )  # Few, as released.
        point, row, scene, first, start = point[some], row[some], scene[some], first[some], start[some, None]
        cell = first[:, None] + _window(reach, point.device)
        size, place = road.extent[scene][:, None], cell.flip(-1)  # (rows, columns)
        inside = ((place >= 0) & (place < size) & (place >= start) & (place < start + CROP)).all(-1)
        held = place.clamp(min=0).minimum(size - 1)
        inside &= road.values[scene[:, None], held[..., 0], held[..., 1]] > 0
        offset = road.origin[scene][:, None] + cell * road.cell - point[:, None]
        near = torch.exp(offset.square().sum(-1) / (-2 * SIGMA**2)) / (SIGMA * math.sqrt(2 * math.pi))
        each = torch.where(inside, near, 0.0).sum(-1)
        return Value.where(valid, torch.zeros_like(constant).index_add(0, row, each))


def _crop_start(cell: Tensor, extent: Tensor) -> Tensor:
    # Start row and column of the released crop, from the cell number along x and y.
    start = (cell.minimum(extent.flip(-1) - 1).clamp(min=0) - CROP // 2).clamp(max=0)
    # extent is (rows, columns); the number along x selects the first of them, as released.
    return torch.where(start < 0, start + extent, start).minimum(extent - CROP).clamp(min=0)


def _window(reach: int, device: torch.device) -> Tensor:
    # (K, 2) offsets in cells, to each side.
    axis = torch.arange(-reach, reach + 1, device=device)
    return torch.cartesian_prod(axis, axis)
