"""Recorded traffic as tensors: N scenes of up to A objects over T states, padded, with masks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.sdf import SignedDistance

OTHER, VEHICLE, PEDESTRIAN, CYCLIST = 0, 1, 2, 3
KINDS = ("other", "vehicle", "pedestrian", "cyclist")
MAX_OBJECTS = 32


@dataclass(frozen=True, eq=False)
class Record:
    """What belongs to one scene but is no tensor.

    Args:
        id: The scene's name in its source.
        source: The format and file it came from.
        objects: Name of each object, in the order of the tensors.
        origin: (x, y) m of the scene's zero in the coordinates of its source; kept in float64.
        edges: Road-edge polylines, (K, 2) m each, off-road on their right-hand side.
        areas: Drivable polygons, (K, 2) m each.
        lanes: Centre lines, (K, 2) m each.
        notes: What a reader found out: units, planning problems, diagnostics. Plain values, fit for JSON.
    """

    id: str
    source: str = ""
    objects: tuple[str, ...] = ()
    origin: tuple[float, float] = (0.0, 0.0)
    edges: tuple[np.ndarray, ...] = ()
    areas: tuple[np.ndarray, ...] = ()
    lanes: tuple[np.ndarray, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scenes:
    """A batch of recorded scenes. Every entry outside `valid` is zero.

    Args:
        xy: (N, A, T, 2) m, centre of the box, relative to `origin` of the scene's record.
        yaw: (N, A, T) rad in [-pi, pi), counter-clockwise from x.
        vel: (N, A, T, 2) m/s.
        size: (N, A, 2) m, length and width of the box; zero for padding.
        valid: (N, A, T) True where the object was seen; all False for padding.
        kind: (N, A) 0 other, 1 vehicle, 2 pedestrian, 3 cyclist.
        ego: (N,) number of the object that the planner under test drives; -1 where the source has none.
            `arrange` moves it to 0.
        dt: s between two states, the same for the whole batch.
        records: One a scene.
        road: Signed distance to the drivable area, or None where it has not been rasterised (`road.rasterise`).

    Raises:
        InputValueError: Shapes do not fit, or a value is not finite (object and state are named).

    Example:
        >>> zero, seen = np.zeros((1, 3)), np.ones((1, 3), bool)
        >>> still = Scenes.one(Record("parked"), dt=0.1, xy=np.zeros((1, 3, 2)), yaw=zero, vel=np.zeros((1, 3, 2)),
        ...     size=np.array([[4.6, 2.0]]), valid=seen, kind=np.ones(1), ego=0)
        >>> still.shape, still.size[0, 0].tolist()
        ((1, 1, 3), [4.6, 2.0])
    """

    xy: Tensor
    yaw: Tensor
    vel: Tensor
    size: Tensor
    valid: Tensor
    kind: Tensor
    ego: Tensor
    dt: float
    records: tuple[Record, ...]
    road: SignedDistance | None = None

    def __post_init__(self) -> None:
        n, a, t = self.shape
        found = {
            name: tuple(getattr(self, name).shape) for name in ("xy", "yaw", "vel", "size", "valid", "kind", "ego")
        }
        right = {"xy": (n, a, t, 2), "yaw": (n, a, t), "vel": (n, a, t, 2), "size": (n, a, 2), "valid": (n, a, t)}
        right |= {"kind": (n, a), "ego": (n,)}
        if found != right or len(self.records) != n or (self.road is not None and len(self.road) != n):
            raise InputValueError(
                f"{found} and {len(self.records)} records", f"{right} and one per scene", "check the shapes"
            )
        if self.valid.dtype != torch.bool:
            raise InputValueError(f"valid of type {self.valid.dtype}", "booleans, True where seen", "compare with 0")
        if not (math.isfinite(self.dt) and self.dt > 0):
            raise InputValueError(f"dt={self.dt}", "seconds above 0", "check the scene's time step")
        for name in ("xy", "yaw", "vel"):
            finite = getattr(self, name).isfinite()
            self._refuse(name, ~(finite.all(-1) if finite.ndim == 4 else finite))
        self._refuse("size", ~self.size.isfinite().all(-1, keepdim=True))

    def _refuse(self, name: str, bad: Tensor) -> None:
        if bad.any():
            scene, thing, state = bad.nonzero()[0].tolist()
            raise InputValueError(
                f"{name} of object {thing} at state {state} of scene {self.records[scene].id!r} is not finite",
                "finite numbers",
                "mark such states as not valid",
            )

    def __len__(self) -> int:
        return len(self.xy)

    @property
    def shape(self) -> tuple[int, int, int]:
        """N, A, T."""
        return self.yaw.shape[0], self.yaw.shape[1], self.yaw.shape[2]

    @property
    def speed(self) -> Tensor:
        """(N, A, T) m/s, length of the velocity."""
        return self.vel.norm(dim=-1)

    @property
    def present(self) -> Tensor:
        """(N, A) True for objects, False for padding."""
        return self.valid.any(-1)

    @staticmethod
    def one(
        record: Record,
        *,
        dt: float,
        xy: np.ndarray,
        yaw: np.ndarray,
        vel: np.ndarray,
        size: np.ndarray,
        valid: np.ndarray,
        kind: np.ndarray,
        ego: int | None,
        recentre: bool = False,
    ) -> Scenes:
        """One scene from arrays, zero outside `valid`, yaw wrapped, in float64.

        Args:
            record: Name, source and map.
            dt: s between two states.
            xy: (A, T, 2) m.
            yaw: (A, T) rad.
            vel: (A, T, 2) m/s.
            size: (A, 2) m.
            valid: (A, T) True where seen.
            kind: (A,) 0 other, 1 vehicle, 2 pedestrian, 3 cyclist.
            ego: Number of the ego, or None.
            recentre: Put the zero at the ego's position at mid-log (of all objects, where there is no ego), in float64
                and before any cast; the map moves along, and the record keeps the origin.

        Returns:
            A batch of one.
        """
        zero = centre_of(xy, valid, ego) if recentre else np.zeros(2)
        moved = {name: tuple(line - zero for line in getattr(record, name)) for name in ("edges", "areas", "lanes")}
        origin = (record.origin[0] + float(zero[0]), record.origin[1] + float(zero[1]))
        inside = {
            "xy": np.where(valid[..., None], xy - zero, 0.0),
            "yaw": np.where(valid, wrap(np.where(valid, yaw, 0.0)), 0.0),
            "vel": np.where(valid[..., None], vel, 0.0),
            "size": np.where(valid.any(1, keepdims=True), size, 0.0),
        }
        tensors: dict[str, Any] = {
            name: torch.from_numpy(np.asarray(value, np.float64))[None] for name, value in inside.items()
        }
        return Scenes(
            **tensors,
            valid=torch.from_numpy(np.array(valid, bool))[None],
            kind=torch.from_numpy(np.array(kind, np.int64))[None],
            ego=torch.tensor([-1 if ego is None else ego]),
            dt=dt,
            records=(replace(record, origin=origin, **moved),),
        )

    @staticmethod
    def concat(parts: Sequence[Scenes]) -> Scenes:
        """Join batches, padded to the most objects and the longest log.

        Args:
            parts: One or more with the same `dt` and type; all of them rasterised, or none.

        Returns:
            All scenes, in order.

        Raises:
            InputValueError: Nothing is given, or time steps differ, or only some have a raster.
        """
        steps = sorted({part.dt for part in parts})
        if len(steps) != 1:
            raise InputValueError(f"scenes with time steps {steps} s", "one time step a batch", "batch them apart")
        roads = [part.road for part in parts if part.road is not None]
        if roads and len(roads) != len(parts):
            raise InputValueError(f"{len(roads)} of {len(parts)} batches with a raster", "all or none", "use rasterise")
        most, longest = max(part.shape[1] for part in parts), max(part.shape[2] for part in parts)
        names = ("xy", "yaw", "vel", "size", "valid", "kind")
        joined: dict[str, Any] = {
            name: torch.cat([_grown(getattr(p, name), most, longest, name) for p in parts]) for name in names
        }
        return Scenes(
            **joined,
            ego=torch.cat([part.ego for part in parts]),
            dt=steps[0],
            records=tuple(record for part in parts for record in part.records),
            road=SignedDistance.concat(roads) if roads else None,
        )

    def select(self, rows: Sequence[int] | Tensor) -> Scenes:
        """Keep some scenes, also more than once: one row a (scene, candidate).

        Args:
            rows: Numbers of scenes, or a mask (N,) whose True counts.

        Returns:
            Those scenes, in that order, with the same padding.
        """
        chosen = torch.as_tensor(rows, device=self.xy.device)
        chosen = chosen.nonzero().flatten() if chosen.dtype == torch.bool else chosen.long()
        names = ("xy", "yaw", "vel", "size", "valid", "kind", "ego")
        return Scenes(
            **{name: getattr(self, name)[chosen] for name in names},
            dt=self.dt,
            records=tuple(self.records[row] for row in chosen.tolist()),
            road=None if self.road is None else self.road.select(chosen),
        )

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Scenes:
        """Cast the real-valued tensors, move all.

        Args:
            dtype: A floating type, or None to keep it.
            device: A device, or None to stay.

        Returns:
            The scenes there.
        """
        real = {name: getattr(self, name).to(device=device, dtype=dtype) for name in ("xy", "yaw", "vel", "size")}
        whole = {name: getattr(self, name).to(device=device) for name in ("valid", "kind", "ego")}
        road = None if self.road is None else self.road.to(dtype, device)
        return Scenes(**real, **whole, dt=self.dt, records=self.records, road=road)


def _grown(value: Tensor, most: int, longest: int, name: str) -> Tensor:
    shape = [*value.shape]
    shape[1] = most
    if name not in {"size", "kind"}:
        shape[2] = longest
    grown = value.new_zeros(shape)
    grown[tuple(slice(0, length) for length in value.shape)] = value
    return grown


def wrap(angle: np.ndarray) -> np.ndarray:
    """Bring angles to [-pi, pi).

    Args:
        angle: rad.

    Returns:
        The same directions.
    """
    turned = (angle + math.pi) % (2 * math.pi) - math.pi
    return np.where(turned >= math.pi, -math.pi, turned)  # what lies just below -pi is rounded to pi


def centre_of(xy: np.ndarray, valid: np.ndarray, ego: int | None) -> np.ndarray:
    """Position of the ego at the valid state nearest to mid-log, or the mean of all objects there.

    Args:
        xy: (A, T, 2) m.
        valid: (A, T) True where seen.
        ego: Number of the ego, or None.

    Returns:
        (2,) m; zeros where nothing was ever seen.
    """
    who = slice(None) if ego is None else slice(ego, ego + 1)
    states = np.flatnonzero(valid[who].any(0))
    if not len(states):
        return np.zeros(2)
    middle = int(states[np.abs(states - valid.shape[1] // 2).argmin()])
    seen: np.ndarray = valid[who, middle]
    return xy[who, middle][seen].mean(0)


def longest_run(valid: Tensor) -> Tensor:
    """Keep the longest contiguous run of each mask, the first one among equals.

    An object is simulated on this run; the published simulator re-injects it from the log after each gap instead.

    Args:
        valid: (..., T) True where seen.

    Returns:
        (..., T) True on that run.

    Example:
        >>> longest_run(torch.tensor([True, False, True, True, False, True, True])).int().tolist()
        [0, 0, 1, 1, 0, 0, 0]
    """
    steps = torch.arange(valid.shape[-1], device=valid.device)
    last_gap = torch.where(valid, -1, steps).cummax(-1).values
    length = torch.where(valid, steps - last_gap, 0)
    end = length.argmax(-1, keepdim=True)
    run = length.gather(-1, end)
    return (steps <= end) & (steps > end - run)


def arrange(scenes: Scenes, max_objects: int | None = MAX_OBJECTS) -> Scenes:
    """Put the ego first, then the objects that come closest to it, up to `max_objects`; drop what is never valid.

    Closeness is the smallest distance of the centres over jointly valid states; the order is stable, and objects never
    seen together with the ego come last.

    Args:
        scenes: Scenes in any order, each with an ego.
        max_objects: Objects kept, the ego included; 32 is the released configuration's. None keeps all.

    Returns:
        The scenes with `ego` all 0, padded to the most objects that any scene keeps.

    Raises:
        InputValueError: A scene has no ego, or `max_objects` is below 1.
    """
    if max_objects is not None and max_objects < 1:
        raise InputValueError(f"max_objects={max_objects}", "at least 1, the ego", "32 is the released default")
    missing = [record.id for record, ego in zip(scenes.records, scenes.ego.tolist(), strict=True) if ego < 0]
    if missing:
        raise InputValueError(f"no ego in {', '.join(missing[:5])}", "an ego in every scene", "use with_ego")
    index = scenes.ego[:, None, None]
    together = scenes.valid & scenes.valid.gather(1, index.expand(-1, 1, scenes.shape[2]))
    ego_xy = scenes.xy.gather(1, index[..., None].expand(-1, 1, scenes.shape[2], 2))
    apart = (scenes.xy - ego_xy).norm(dim=-1).masked_fill(~together, 1e12).amin(-1)
    apart = apart.masked_fill(~scenes.present, math.inf).scatter(1, scenes.ego[:, None], -1.0)
    order = apart.argsort(dim=1, stable=True)
    most = max([1, *scenes.present.sum(1).tolist()])
    kept = most if max_objects is None else min(max_objects, most)
    order = order[:, :kept]

    def pick(value: Tensor) -> Tensor:
        return value.gather(1, order.reshape(*order.shape, *[1] * (value.ndim - 2)).expand(-1, -1, *value.shape[2:]))

    names = ("xy", "yaw", "vel", "size", "valid", "kind")
    records = tuple(
        replace(record, objects=tuple(record.objects[i] for i in numbers if i < len(record.objects) and there[i]))
        for record, numbers, there in zip(scenes.records, order.tolist(), scenes.present, strict=True)
    )
    picked = {name: pick(getattr(scenes, name)) for name in names}
    return replace(scenes, **picked, ego=torch.zeros_like(scenes.ego), records=records)


def with_ego(scenes: Scenes, numbers: Sequence[int]) -> Scenes:
    """Name the object of each scene that the planner drives.

    Args:
        scenes: Scenes of a format without a logged ego.
        numbers: Number of the object, one per scene.

    Returns:
        The same scenes with that ego.

    Raises:
        InputValueError: A number names no object of its scene.
    """
    for record, number, there in zip(scenes.records, numbers, scenes.present, strict=True):
        if not 0 <= number < len(there) or not there[number]:
            raise InputValueError(f"ego {number} in {record.id!r}", f"one of {int(there.sum())} objects", "see objects")
    return replace(scenes, ego=torch.tensor(list(numbers), device=scenes.ego.device))
