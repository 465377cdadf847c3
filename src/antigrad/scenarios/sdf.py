"""The signed distance to the drivable area, on a raster: negative on the road, positive off it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from antigrad.core.errors import InputValueError

NO_MAP = -1000.0
"""m, the distance everywhere in a scene without a map: nothing is off-road."""


@dataclass(frozen=True, eq=False)
class SignedDistance:
    r"""Signed distances of a batch of scenes on rasters, read by bilinear interpolation.

    $$\phi(q)=\sum_{i,j\in\{0,1\}}w_i(u)\,w_j(v)\,\phi_{\lfloor v\rfloor+j,\lfloor u\rfloor+i},\quad
    (u,v)=\frac{\Pi(q)-o}h$$

    $\Pi$ gives the nearest point of the scene's raster: outside it the distance is that of the nearest point on its
    border, so it is continuous everywhere, and its gradient has no component that leads away from the raster.

    Args:
        values: (N, H, W) m, > 0 off-road; rows go with y, columns with x. What lies beyond `extent` is padding.
        origin: (N, 2) m, x and y of `values[:, 0, 0]`.
        extent: (N, 2) rows and columns of each scene's own raster, at least 2 each.
        cell: h, m, between neighbouring values.

    Raises:
        InputValueError: Shapes do not fit, or the cell is not positive.

    Sign: > 0 is off-road.

    Source: ours; the released code (arXiv 2409.07830) reads a binary raster instead, whose gradient is zero away
    from the border of the road.

    Deviations: the published simulator gives the distance to the nearest road point only; see `road.py`.

    Example:
        >>> plane = torch.arange(3.0).expand(1, 2, 3)  # the distance is x
        >>> road = SignedDistance(plane, torch.zeros(1, 2), torch.tensor([[2, 3]]), 1.0)
        >>> road(torch.tensor([[[0.25, 0.5], [1.5, 0.0], [9.0, 0.0]]])).tolist()
        [[0.25, 1.5, 2.0]]
    """

    values: Tensor
    origin: Tensor
    extent: Tensor
    cell: float

    def __post_init__(self) -> None:
        count = len(self.values)
        if self.values.ndim != 3 or self.origin.shape != (count, 2) or self.extent.shape != (count, 2):
            shapes = [tuple(part.shape) for part in (self.values, self.origin, self.extent)]
            raise InputValueError(
                f"values, origin, extent {shapes}",
                "(N, H, W), (N, 2) and (N, 2)",
                "build rasters with antigrad.scenarios.road.rasterise",
            )
        if not self.cell > 0 or (count and not (self.extent >= 2).all()):
            raise InputValueError(
                f"cell={self.cell}, extent {self.extent.tolist()}", "a positive cell and 2 x 2 values", "widen it"
            )

    def __len__(self) -> int:
        return len(self.values)

    def __call__(self, points: Tensor, rows: Tensor | None = None) -> Tensor:
        """Signed distance of points.

        Args:
            points: (R, ..., 2) m, in the frame of the scene of each row.
            rows: (R,) number of the scene of each row; without it row r is scene r.

        Returns:
            (R, ...) m, differentiable once in `points`.

        Raises:
            InputValueError: Rows do not fit the scenes.
        """
        if rows is None and len(points) != len(self):
            raise InputValueError(f"{len(points)} rows of points, {len(self)} scenes", "one row per scene", "give rows")
        chosen = torch.arange(len(points), device=points.device) if rows is None else rows
        return _Bilinear.apply(points, self, chosen)  # pyright: ignore[reportReturnType]

    def beyond(self, points: Tensor, rows: Tensor, limit: Tensor) -> Tensor:
        """Which points have a distance above a limit; only near it is one interpolated.

        Args:
            points: (R, ..., 2) m.
            rows: (R,) number of the scene of each row.
            limit: (R, ...) m, broadcastable.

        Returns:
            (R, ...) True where the distance is above the limit.
        """
        shape = (len(points), *[1] * (points.ndim - 2))
        width = self.values.shape[2] - 1
        last = (self.extent[rows] - 2).reshape(*shape, 2)
        place = ((points - self.origin[rows].to(points).reshape(*shape, 2)) / self.cell).floor_().long().clamp_(min=0)
        row, column = place[..., 1].minimum(last[..., 0]), place[..., 0].minimum(last[..., 1])
        start = (rows.reshape(shape) * self._ceiling.shape[1] + row) * width + column
        above = picked(self._ceiling, start) > limit
        some = above.nonzero(as_tuple=True)
        limit = limit.expand(above.shape)[some]
        above[some] = self(points[some][:, None], rows[some[0]])[:, 0] > limit
        return above

    @property
    def known(self) -> Tensor:
        """(N,) True for scenes with a map."""
        return self.values[:, 0, 0] != NO_MAP

    @cached_property
    def _ceiling(self) -> Tensor:
        # (N, H-1, W-1) largest value at the corners of each cell: no point in it lies above.
        return max_pool2d(self.values[:, None], 2, 1)[:, 0]

    def off_cells(self, cell: float) -> Cells:
        """Which points of a grid are off the road; made once for each side of a cell.

        Args:
            cell: m between the points, which lie at its multiples.

        Returns:
            The grid over each scene's raster and a point beyond.
        """
        if cell not in self._cells:
            self._cells[cell] = Cells.of(self, cell)
        return self._cells[cell]

    @cached_property
    def _cells(self) -> dict[float, Cells]:
        return {}

    def select(self, rows: Tensor) -> SignedDistance:
        """Keep some scenes.

        Args:
            rows: (R,) numbers of scenes, or a mask (N,) whose True counts.

        Returns:
            Their rasters, trimmed to the largest that is left.
        """
        extent = self.extent[rows]
        height, width = extent.amax(0).tolist() if len(extent) else (2, 2)
        return SignedDistance(self.values[rows, :height, :width], self.origin[rows], extent, self.cell)

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> SignedDistance:
        """Move or cast.

        Args:
            dtype: A floating type, or None to keep it.
            device: A device, or None to stay.

        Returns:
            The rasters there.
        """
        return SignedDistance(
            self.values.to(device=device, dtype=dtype),
            self.origin.to(device=device, dtype=dtype),
            self.extent.to(device=device),
            self.cell,
        )

    @staticmethod
    def concat(parts: Sequence[SignedDistance]) -> SignedDistance:
        """Join batches of rasters, padded to the largest.

        Args:
            parts: One or more, with the same cell.

        Returns:
            All scenes, in order.

        Raises:
            InputValueError: Nothing is given, or cells differ.
        """
        cells = {part.cell for part in parts}
        if len(cells) != 1:
            raise InputValueError(f"rasters with cells {sorted(cells)} m", "one cell", "rasterise them alike")
        height, width = (max(part.values.shape[axis] for part in parts) for axis in (1, 2))
        grown = [pad(p.values, (0, width - p.values.shape[2], 0, height - p.values.shape[1])) for p in parts]
        return SignedDistance(
            torch.cat(grown), torch.cat([p.origin for p in parts]), torch.cat([p.extent for p in parts]), cells.pop()
        )


@dataclass(frozen=True, eq=False)
class Cells:
    """Points of a grid, at the multiples of `cell`.

    Args:
        off: (N, rows * columns) 1 off the road, 0 on it.
        first: (N, 2) multiples of `cell`, x and y of the first point.
        extent: (N, 2) rows and columns of each scene.
        cell: m.
    """

    off: Tensor
    first: Tensor
    extent: Tensor
    cell: float

    @classmethod
    @torch.no_grad()
    def of(cls, road: SignedDistance, cell: float) -> Cells:
        """Read a raster on another grid.

        Args:
            road: The raster.
            cell: m.

        Returns:
            The grid; one point beyond the raster it has the values of all that lie farther out.
        """
        first = (road.origin / cell).floor().long() - 1
        extent = ((road.extent - 1) * road.cell / cell).ceil().long() + 3
        rows, columns = extent.amax(0).tolist() if len(road) else (1, 1)
        up, right = (torch.arange(count, device=road.values.device) for count in (rows, columns))
        grid = torch.stack(torch.meshgrid(right, up, indexing="xy"), -1)
        off = [road.select(torch.tensor([n]))((grid + first[n])[None].to(road.values) * cell) for n in range(len(road))]
        values = torch.cat([(one > 0).reshape(1, -1) for one in off] or [road.values.new_zeros(0, 1)])
        return cls(values.to(torch.uint8), first, extent, cell)

    def around(self, point: Tensor, scene: Tensor, reach: float) -> tuple[Tensor, Tensor, Tensor]:
        """Look at the points around others.

        Args:
            point: (P, 2) m.
            scene: (P,) number of the scene of each.
            reach: m to each side.

        Returns:
            (P, K, K) 1 off the road, rows along y; and (P, K) m, x of the columns and y of the rows.
        """
        count = round(reach / self.cell)
        step = torch.arange(-count, count + 1, device=point.device)
        number = (point / self.cell).round().long()[..., None] + step  # (P, 2, K)
        held = (number - self.first[scene][..., None]).clamp(min=0)
        held = held.minimum(self.extent[scene].flip(-1)[..., None] - 1)
        columns = int(self.extent[:, 1].amax())
        flat = (held[:, 1] * columns + (scene * self.off.shape[1])[:, None])[:, :, None] + held[:, 0, None]
        x, y = (number.to(point) * self.cell).unbind(1)
        return picked(self.off, flat), x, y


def picked(values: Tensor, place: Tensor) -> Tensor:
    """Entries of a tensor by their place in its flattened form: faster than indexing by several tensors.

    Args:
        values: Any.
        place: (...) numbers.

    Returns:
        (...) entries.
    """
    return values.reshape(-1).index_select(0, place.flatten()).reshape(place.shape)


class _Bilinear(torch.autograd.Function):
    """Bilinear interpolation that computes its gradient in the same pass: one gather serves both."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, road: SignedDistance, rows: Tensor) -> Tensor:
        shape = (len(points), *[1] * (points.ndim - 2))
        last = (road.extent[rows] - 1).to(points).reshape(*shape, 2)
        origin = road.origin[rows].to(points).reshape(*shape, 2)
        place = (points - origin) / road.cell
        v, u = place[..., 1].clamp(min=0).minimum(last[..., 0]), place[..., 0].clamp(min=0).minimum(last[..., 1])
        row, column = v.floor().minimum(last[..., 0] - 1), u.floor().minimum(last[..., 1] - 1)
        up, right = v - row, u - column
        height, width = road.values.shape[1:]
        start = (rows.reshape(shape) * height + row.long()) * width + column.long()
        a, b, c, d = (picked(road.values, start + step).to(points) for step in (0, 1, width, width + 1))
        low, high = a + (b - a) * right, c + (d - c) * right
        if not ctx.needs_input_grad[0]:
            return low + (high - low) * up
        slope = torch.stack([(b - a) + (d - c - b + a) * up, high - low], -1) / road.cell
        inside = (place >= 0) & (place <= last.flip(-1))
        ctx.save_for_backward(slope * inside)
        return low + (high - low) * up

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (slope,) = ctx.saved_tensors
        return slope * grads[0].unsqueeze(-1), None, None
