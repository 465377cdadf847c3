"""Argoverse 2 sensor logs: a folder with `annotations*.feather`, the ego's poses, and the vector map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from antigrad.core.errors import InputValueError
from antigrad.core.files import is_folder, is_there
from antigrad.scenarios.io.admit import admit
from antigrad.scenarios.io.argoverse import columns, vector_map
from antigrad.scenarios.io.readers.reader import SceneReader
from antigrad.scenarios.scene import CYCLIST, OTHER, PEDESTRIAN, VEHICLE, Record, Scenes

CARS = {
    *("REGULAR_VEHICLE", "LARGE_VEHICLE", "BUS", "BOX_TRUCK", "TRUCK", "VEHICULAR_TRAILER", "TRUCK_CAB"),
    *("SCHOOL_BUS", "ARTICULATED_BUS"),
}
EGO, EGO_SIZE = "EGO_VEHICLE", (4.877, 2.0)
KIND = dict.fromkeys(CARS, VEHICLE) | {"PEDESTRIAN": PEDESTRIAN, "BICYCLIST": CYCLIST, "MOTORCYCLIST": CYCLIST}
TURN, PLACE = ("qw", "qx", "qy", "qz"), ("tx_m", "ty_m", "tz_m")


@dataclass(frozen=True)
class Av2Sensor(SceneReader):
    """Argoverse 2 sensor logs: boxes at 10 Hz with real sizes, placed into the city by the ego's pose of their sweep.

    The ego is the last object, made from the poses; rows of category EGO_VEHICLE are left out, as they repeat it.
    Velocities are differences within contiguous runs: the format has none.

    Args:
        rear_axle_to_centre: m by which the ego's box lies ahead of its pose, which is the rear axle's.

    Source: argoverse/av2-api, the columns of its files; 1.339 m is a third party's value.

    Deviations: none.
    """

    rear_axle_to_centre: float = 1.339

    def reads(self, path: Path) -> bool:  # noqa: D102
        return (
            is_folder(path)
            and any(path.glob("annotations*.feather"))
            and is_there(path / "city_SE3_egovehicle.feather")
        )

    def parse(self, path: Path) -> Iterator[Scenes]:  # noqa: D102
        names = ("timestamp_ns", "track_uuid", "category", "length_m", "width_m", *TURN, *PLACE)
        boxes = columns(min(path.glob("annotations*.feather")), names)
        others = boxes["category"] != EGO
        boxes = {name: values[others] for name, values in boxes.items()}
        poses = columns(path / "city_SE3_egovehicle.feather", ("timestamp_ns", *TURN, *PLACE))
        stamps, state = np.unique(boxes["timestamp_ns"], return_inverse=True)
        turn, place = _poses_at(poses, stamps)
        world = np.einsum("nij,nj->ni", turn[state], np.stack([boxes[axis] for axis in PLACE], 1)) + place[state]
        tracks = list(dict.fromkeys(boxes["track_uuid"].tolist()))
        number = {name: row for row, name in enumerate(tracks)}
        row = np.array([number[name] for name in boxes["track_uuid"]])

        shape = (len(tracks) + 1, len(stamps))
        xy, yaw, valid = np.zeros((*shape, 2)), np.zeros(shape), np.zeros(shape, bool)
        size, kind = np.zeros((shape[0], 2)), np.full(shape[0], VEHICLE)
        xy[row, state], valid[row, state] = world[:, :2], True
        yaw[row, state] = _yaw(turn[state] @ _rotation(boxes))
        size[row] = np.stack([boxes["length_m"], boxes["width_m"]], 1)
        kind[row] = [KIND.get(name, OTHER) for name in boxes["category"]]
        yaw[-1], valid[-1], size[-1] = _yaw(turn), True, EGO_SIZE
        xy[-1] = place[:, :2] + self.rear_axle_to_centre * turn[:, :2, 0]

        dt = float(np.mean(np.diff(stamps))) / 1e9 if len(stamps) > 1 else 0.1
        areas, lanes = vector_map(path)
        record = Record(
            id=path.name,
            source=f"av2_sensor:{path.name}",
            objects=(*tracks, "ego"),
            areas=areas,
            lanes=lanes,
            notes={"dt_measured": dt},
        )
        vel = differences(xy, valid, dt)
        yield admit(
            record, dt=round(dt, 2), xy=xy, yaw=yaw, vel=vel, size=size, valid=valid, kind=kind, ego=len(tracks)
        )


def _poses_at(poses: dict[str, np.ndarray], stamps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(poses["timestamp_ns"])
    at = order[np.searchsorted(poses["timestamp_ns"], stamps, sorter=order).clip(max=len(order) - 1)]
    if (poses["timestamp_ns"][at] != stamps).any():
        raise InputValueError("boxes at times without a pose of the ego", "a pose for each", "get the poses again")
    chosen = {name: values[at] for name, values in poses.items()}
    return _rotation(chosen), np.stack([chosen[axis] for axis in PLACE], 1)


def _rotation(table: dict[str, np.ndarray]) -> np.ndarray:
    q = np.stack([table[name] for name in TURN], -1).astype(float)
    w, x, y, z = (q / np.linalg.norm(q, axis=-1, keepdims=True)).T
    rows = (
        (w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z),
    )
    return np.moveaxis(np.array(rows), -1, 0)


def _yaw(turn: np.ndarray) -> np.ndarray:
    return np.arctan2(turn[:, 1, 0], turn[:, 0, 0])


def differences(xy: np.ndarray, valid: np.ndarray, dt: float) -> np.ndarray:
    """Velocities by central differences within contiguous runs, one-sided at their ends, 0 for lone states.

    Args:
        xy: (A, T, 2) m.
        valid: (A, T) True where seen.
        dt: s.

    Returns:
        (A, T, 2) m/s.
    """
    vel = np.zeros_like(xy)
    for row, seen in enumerate(valid):
        states = np.flatnonzero(seen)
        for run in np.split(states, np.flatnonzero(np.diff(states) > 1) + 1):
            if len(run) > 1:
                vel[row, run] = np.gradient(xy[row, run], dt, axis=0)
    return vel
