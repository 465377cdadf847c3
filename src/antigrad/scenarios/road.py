"""From a scene's map to its raster of signed distances, and how far the log itself is off that map."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import shapely
import torch
from scipy.spatial import KDTree
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.boxes import corners
from antigrad.scenarios.scene import VEHICLE, Record, Scenes
from antigrad.scenarios.sdf import NO_MAP, SignedDistance

MAX_CELLS = 4_000_000
"""Of one raster: 2 km by 2 km in metres. An object far away must not cost gigabytes."""
TOLERATED = 0.1


def resample(edges: tuple[np.ndarray, ...], step: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points along polylines, `step` apart.

    Args:
        edges: (K, 2) m each; what is shorter than half a step is left out.
        step: m.

    Returns:
        Points (M, 2), unit directions to the next point (M, 2), and True for the first point of each polyline (M,).
    """
    points, directions, first = [np.zeros((0, 2))], [np.zeros((0, 2))], [np.zeros(0, bool)]
    for edge in edges:
        reach = np.concatenate([[0.0], np.hypot(*np.diff(edge, axis=0).T).cumsum()])
        marks = np.arange(0, reach[-1], step)
        if reach[-1] < step / 2 or len(marks) < 2:
            continue
        line = np.stack([np.interp(marks, reach, edge[:, axis]) for axis in (0, 1)], 1)
        ahead = np.diff(line, axis=0)
        ahead /= np.hypot(*ahead.T)[:, None] + 1e-9
        points.append(line)
        directions.append(np.concatenate([ahead, ahead[-1:]]))
        first.append(np.arange(len(line)) == 0)
    return np.concatenate(points), np.concatenate(directions), np.concatenate(first)


def distance_to_edges(points: np.ndarray, edges: tuple[np.ndarray, ...], prior_rule: bool = True) -> np.ndarray:
    r"""Signed distance to road edges whose right-hand side is off the road.

    $$\phi(q)=\mathrm{dist}(q)\,\mathrm{sign}\big((q-q_k)\times d_k\big),\qquad k=\mathrm{argmin}_j\lVert q-q_j\rVert$$

    The distance is to the two pieces of the polyline that meet in the nearest point $q_k$: the distance to the point
    itself is up to half a metre too long beside the line, and would jump there from one side to the other.

    Args:
        points: (M, 2) m.
        edges: Polylines, (K, 2) m each, resampled at 1 m.
        prior_rule: Use the direction at the previous point of the same polyline where its cross product is smaller.

    Returns:
        (M,) m; `NO_MAP` where there are no edges.

    Sign: > 0 is off-road.

    Source: the sign and the prior-point rule are the published simulator's, on which arXiv 2409.07830 stands.

    Deviations: the distance to the line instead of the distance to its nearest point.
    """
    line, direction, first = resample(edges)
    if not len(line):
        return np.full(len(points), NO_MAP)
    distance, nearest = KDTree(line).query(points)
    away, before = points - line[nearest], np.maximum(nearest - 1, 0)
    last = np.append(first[1:], True)
    side = _cross(away, direction[nearest])
    if prior_rule:
        other = _cross(away, direction[before])
        side = np.where(~first[nearest] & (other < side), other, side)
    for start, there in ((nearest, ~last[nearest]), (before, ~first[nearest])):
        segment = line[np.minimum(start + 1, len(line) - 1)] - line[start]
        from_start = points - line[start]
        share = (from_start * segment).sum(1) / np.maximum((segment**2).sum(1), 1e-12)
        beside = np.hypot(*(from_start - np.clip(share, 0, 1)[:, None] * segment).T)
        distance = np.where(there, np.minimum(distance, beside), distance)
    return distance * np.sign(side)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def distance_to_areas(points: np.ndarray, areas: tuple[np.ndarray, ...]) -> np.ndarray:
    """Signed distance to the border of a union of polygons.

    Args:
        points: (M, 2) m.
        areas: Polygons, (K, 2) m each, read even-odd where they cross themselves.

    Returns:
        (M,) m; `NO_MAP` where there is no polygon.

    Sign: > 0 is outside all of them.

    Source: ours, by shapely.

    Deviations: inside, the distance is to the border of the union, not to that of the single polygons.
    """
    polygons = [shapely.Polygon(area) for area in areas if len(area) >= 3]
    if not polygons:
        return np.full(len(points), NO_MAP)
    union = shapely.union_all(shapely.make_valid(np.array(polygons)))
    border = shapely.boundary(union)
    shapely.prepare([union, border])
    distance = shapely.distance(border, shapely.points(points))
    return np.where(shapely.contains_xy(union, points), -distance, distance)


def signed_distance(points: np.ndarray, record: Record) -> np.ndarray:
    """Exact signed distance to a scene's drivable area: from its road edges, or else from its polygons.

    Args:
        points: (M, 2) m, relative to the record's origin.
        record: The scene.

    Returns:
        (M,) m.

    Sign: > 0 is off-road.
    """
    if record.edges:
        return distance_to_edges(points, record.edges)
    return distance_to_areas(points, record.areas)


def rasterise(scenes: Scenes, cell: float = 1.0, margin: float = 64.0) -> Scenes:
    """Add the raster of signed distances, one per scene, wide enough for the whole path of every object in it.

    Args:
        scenes: Scenes, best after `arrange`: every object counts.
        cell: m between neighbouring values; 1 is the released code's.
        margin: m around all logged positions.

    Returns:
        The scenes with `road`, its values in float32.

    Raises:
        InputValueError: The cell or margin is not positive, or a scene needs more than 4 million cells.
    """
    if not (cell > 0 and margin > 0 and math.isfinite(cell) and math.isfinite(margin)):
        raise InputValueError(f"cell={cell}, margin={margin}", "metres above 0", "1 and 64 are the defaults")
    rasters = [
        _raster(scenes.xy[row][scenes.valid[row]], scenes.records[row], cell, margin) for row in range(len(scenes))
    ]
    road = SignedDistance.concat(rasters).to(device=scenes.xy.device) if rasters else None
    return replace(scenes, road=road)


def _raster(path: Tensor, record: Record, cell: float, margin: float) -> SignedDistance:
    spots = path.double().cpu().numpy() if len(path) else np.zeros((1, 2))
    low = np.floor((spots.min(0) - margin) / cell) * cell
    columns, rows = (np.ceil((spots.max(0) + margin - low) / cell).astype(int) + 1).tolist()
    if columns * rows > MAX_CELLS:
        given = f"a raster of {columns} x {rows} cells for {record.id!r}"
        raise InputValueError(given, f"at most {MAX_CELLS}", "leave objects out that are far away, or raise cell")
    x, y = low[0] + cell * np.arange(columns), low[1] + cell * np.arange(rows)
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    values = torch.from_numpy(signed_distance(grid, record)).float().reshape(1, rows, columns)
    return SignedDistance(values, torch.from_numpy(low)[None], torch.tensor([[rows, columns]]), cell)


def off_road_share(scenes: Scenes, who: Tensor, exact: bool = False) -> Tensor:
    """Share of logged box corners that lie off the road.

    Args:
        scenes: Rasterised scenes, or any with `exact`.
        who: (N, A) True for the objects to count.
        exact: Ask the map itself, not the raster.

    Returns:
        (N,), NaN where nobody counts.

    Raises:
        InputValueError: There is no raster.
    """
    box = corners(scenes.xy, scenes.yaw, scenes.size.unsqueeze(2))
    if exact:
        flat = [signed_distance(b.reshape(-1, 2).cpu().numpy(), r) for b, r in zip(box, scenes.records, strict=True)]
        phi = torch.from_numpy(np.stack(flat)).reshape(box.shape[:-1])
    elif scenes.road is None:
        raise InputValueError("scenes without a raster", "scenes.road", "call rasterise first")
    else:
        phi = scenes.road(box)
    counted = (scenes.valid & who.unsqueeze(-1)).unsqueeze(-1).expand_as(phi)
    return ((phi > 0) & counted).flatten(1).sum(1) / counted.flatten(1).sum(1)


def moving_vehicles(scenes: Scenes, faster_than: float = 1.0) -> Tensor:
    """Vehicles, the ego among them, whose top speed is above a bound.

    Args:
        scenes: Any scenes.
        faster_than: m/s.

    Returns:
        (N, A) True for those.
    """
    return (scenes.kind == VEHICLE) & (scenes.speed.amax(-1) > faster_than)


def off_road_baseline(scenes: Scenes) -> Tensor:
    """How far the log itself is off the map: the larger of the ego's and the moving vehicles' share of corners.

    Args:
        scenes: Rasterised scenes.

    Returns:
        (N,), 0 where nobody counts.
    """
    ego = torch.zeros_like(scenes.kind, dtype=torch.bool)
    ego.scatter_(1, scenes.ego.clamp(min=0)[:, None], scenes.ego[:, None] >= 0)
    shares = torch.stack([off_road_share(scenes, who) for who in (ego, moving_vehicles(scenes))])
    return shares.nan_to_num(0.0).amax(0)


def check_off_road(scenes: Scenes, tolerated: float = TOLERATED) -> None:
    """Refuse an off-road cost on scenes whose own log is off the map.

    Args:
        scenes: Rasterised scenes.
        tolerated: Largest share of corners.

    Raises:
        InputValueError: A scene's baseline is above it.
    """
    shares = off_road_baseline(scenes).tolist()
    bad = [f"{r.id} ({s:.0%})" for r, s in zip(scenes.records, shares, strict=True) if s > tolerated]
    if bad:
        raise InputValueError(
            f"{len(bad)} of {len(shares)} scenes drive off their own map: {', '.join(bad[:5])}",
            f"at most {tolerated:.0%} of the logged corners off-road",
            "leave these scenes out, or set the off-road weight to 0",
        )
