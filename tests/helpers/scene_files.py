"""Scenes in the formats that are only read: what the recorders would have written."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import feather, parquet

from antigrad.scenarios.io.messages import EXAMPLE, SCENARIO, message
from antigrad.scenarios.io.records import frame
from antigrad.scenarios.scene import KINDS, Scenes

EDGE = np.array([[-80.0, 30.0], [-40.0, 30.0], [0.0, 30.0], [40.0, 30.0]])


def arrays(scene: Scenes) -> dict[str, np.ndarray]:
    """The scene in the coordinates of its source."""
    found = {name: getattr(scene, name)[0].numpy().copy() for name in ("xy", "yaw", "vel", "size", "valid", "kind")}
    found["xy"] = np.where(found["valid"][..., None], found["xy"] + np.array(scene.records[0].origin), 0.0)
    return found


def gpudrive(scene: Scenes, degrees: bool = False, sentinel: float = -10000.0) -> dict[str, Any]:
    """GPUDrive JSON; the ego is the last object, as in all known files."""
    a, ego = arrays(scene), int(scene.ego[0])
    rows = [row for row in range(len(a["kind"])) if row != ego] + [ego]
    fill = np.where(a["valid"], 0.0, sentinel)
    yaw = np.degrees(a["yaw"]) if degrees else a["yaw"]

    def points(name: str, row: int) -> list[dict[str, float]]:
        values = a[name][row] + fill[row][:, None]
        return [{"x": x, "y": y} for x, y in values.tolist()]

    objects = [
        {
            "position": points("xy", row),
            "velocity": points("vel", row),
            "heading": (yaw[row] + fill[row]).tolist(),
            "valid": a["valid"][row].tolist(),
            "width": float(a["size"][row, 1]),
            "length": float(a["size"][row, 0]),
            "type": KINDS[int(a["kind"][row])],
            "id": row,
        }
        for row in rows
    ]
    roads = [{"type": "road_edge", "geometry": [{"x": x, "y": y} for x, y in EDGE.tolist()]}]
    return {"name": "scene", "objects": objects, "roads": roads, "tl_states": {}}


def womd_scenario(scene: Scenes) -> Any:
    """A `Scenario` message."""
    a, found = arrays(scene), message(SCENARIO)()
    found.id, found.ego = scene.records[0].id, int(scene.ego[0])
    found.timestamps.extend((np.arange(scene.shape[2]) * scene.dt).tolist())
    for row, kind in enumerate(a["kind"].tolist()):
        track = found.tracks.add(id=100 + row, kind=kind)
        for state in range(scene.shape[2]):
            one = track.states.add(valid=bool(a["valid"][row, state]))
            if one.valid:
                (one.x, one.y), (one.velocity_x, one.velocity_y) = a["xy"][row, state], a["vel"][row, state]
                one.heading, (one.length, one.width) = a["yaw"][row, state], a["size"][row]
    line = found.map.add().road_edge
    for x, y in EDGE.tolist():
        line.polyline.add(x=x, y=y)
    return found


def womd_example(scene: Scenes) -> Any:
    """A `tf.Example` message of a log with 91 states: 10 past, 1 current, 80 future."""
    a, found = arrays(scene), message(EXAMPLE)()
    count = len(a["kind"])

    def floats(name: str, values: np.ndarray) -> None:
        found.features.feature.add(key=name).value.floats.value.extend(values.astype(float).flatten().tolist())

    def ints(name: str, values: np.ndarray) -> None:
        found.features.feature.add(key=name).value.ints.value.extend(values.astype(int).flatten().tolist())

    columns = {"x": a["xy"][..., 0], "y": a["xy"][..., 1], "bbox_yaw": a["yaw"]}
    columns |= {"velocity_x": a["vel"][..., 0], "velocity_y": a["vel"][..., 1]}
    columns |= {name: np.repeat(a["size"][:, i, None], 91, 1) for i, name in enumerate(("length", "width"))}
    for when, states in (("past", slice(0, 10)), ("current", slice(10, 11)), ("future", slice(11, 91))):
        for name, values in columns.items():
            floats(f"state/{when}/{name}", np.where(a["valid"], values, -1.0)[:, states])
        ints(f"state/{when}/valid", a["valid"][:, states])
    floats("state/type", a["kind"])
    floats("state/id", np.arange(count))
    ints("state/is_sdc", np.arange(count) == int(scene.ego[0]))
    floats("roadgraph_samples/xyz", np.column_stack([EDGE, np.zeros(len(EDGE))]))
    ints("roadgraph_samples/type", np.full(len(EDGE), 15))
    ints("roadgraph_samples/id", np.full(len(EDGE), 7))
    ints("roadgraph_samples/valid", np.ones(len(EDGE)))
    found.features.feature.add(key="scenario/id").value.bytes.value.append(scene.records[0].id.encode())
    return found


def tfrecord(path: Path, *messages: Any) -> Path:
    path.write_bytes(frame(one.SerializeToString() for one in messages))
    return path


def av2_map(folder: Path, area: np.ndarray) -> None:
    points = [{"x": x, "y": y, "z": 0.0} for x, y in area.tolist()]
    lane = {"left_lane_boundary": points[:2], "right_lane_boundary": points[2:4]}
    data = {
        "drivable_areas": {"1": {"area_boundary": points}},
        "lane_segments": {"1": lane},
        "pedestrian_crossings": {},
    }
    (folder / "log_map_archive_x.json").write_text(json.dumps(data))


AREA = np.array([[-100.0, -100.0], [100.0, -100.0], [100.0, 100.0], [-100.0, 100.0]])


def av2_forecasting(scene: Scenes, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    a, ego = arrays(scene), int(scene.ego[0])
    row, state = a["valid"].nonzero()
    names = np.array(["AV" if r == ego else str(r) for r in range(len(a["kind"]))])
    sorts = np.array([("static", "vehicle", "pedestrian", "cyclist")[k] for k in a["kind"]])
    table = {"track_id": names[row], "object_type": sorts[row], "timestep": state, "heading": a["yaw"][row, state]}
    table |= {f"position_{axis}": a["xy"][row, state, i] for i, axis in enumerate("xy")}
    table |= {f"velocity_{axis}": a["vel"][row, state, i] for i, axis in enumerate("xy")}
    table |= {"scenario_id": ["abc"] * len(row), "num_timestamps": np.full(len(row), scene.shape[2])}
    parquet.write_table(pa.table(table), folder / "scenario_abc.parquet")
    av2_map(folder, AREA)
    return folder


def av2_sensor(scene: Scenes, folder: Path, ego_rows: bool = True) -> Path:
    """A sensor log: boxes in the frame of the ego's rear axle, 1.339 m behind the centre of its box."""
    folder.mkdir(parents=True, exist_ok=True)
    a, ego = arrays(scene), int(scene.ego[0])
    yaw = a["yaw"][ego]
    ahead = np.stack([np.cos(yaw), np.sin(yaw)], 1)
    rear = a["xy"][ego] - 1.339 * ahead
    stamps = 10**9 + np.arange(scene.shape[2]) * 100_000_000

    def turn(angle: np.ndarray) -> dict[str, np.ndarray]:
        zero = np.zeros(len(angle))
        return {"qw": np.cos(angle / 2), "qx": zero, "qy": zero, "qz": np.sin(angle / 2)}

    row, state = a["valid"].nonzero()
    row, state = row[row != ego], state[row != ego]
    away = a["xy"][row, state] - rear[state]
    local = np.stack([(away * ahead[state]).sum(1), ahead[state, 0] * away[:, 1] - ahead[state, 1] * away[:, 0]], 1)
    sorts = np.array([("SIGN", "REGULAR_VEHICLE", "PEDESTRIAN", "BICYCLIST")[k] for k in a["kind"]])
    table: dict[str, Any] = {"timestamp_ns": stamps[state], "track_uuid": np.array([f"t{r}" for r in row])}
    table |= {"category": sorts[row], "length_m": a["size"][row, 0], "width_m": a["size"][row, 1]}
    table |= turn(a["yaw"][row, state] - yaw[state])
    table |= {"tx_m": local[:, 0], "ty_m": local[:, 1], "tz_m": np.zeros(len(row))}
    if ego_rows:
        one = {"timestamp_ns": stamps, "track_uuid": "e", "category": "EGO_VEHICLE", "length_m": 4.877, "width_m": 2.0}
        one |= turn(np.zeros(len(stamps))) | dict.fromkeys(("tx_m", "ty_m", "tz_m"), 0.0)
        full = {k: np.broadcast_to(np.asarray(v), stamps.shape) for k, v in one.items()}
        table = {name: np.concatenate([values, full[name]]) for name, values in table.items()}
    feather.write_feather(pa.table(table), str(folder / "annotations.feather"))
    more = np.repeat(stamps, 2) + np.tile([0, 5_000_000], len(stamps))  # poses come more often than sweeps
    poses = {"timestamp_ns": more, **turn(np.repeat(yaw, 2))}
    poses |= {"tx_m": np.repeat(rear[:, 0], 2), "ty_m": np.repeat(rear[:, 1], 2), "tz_m": np.zeros(len(more))}
    feather.write_feather(pa.table(poses), str(folder / "city_SE3_egovehicle.feather"))
    av2_map(folder, AREA)
    return folder


def scenarionet_pickle(layout: dict[str, Any], path: Path, protocol: int = 4) -> Path:
    """ScenarioNet's native form of its JSON layout: numpy arrays and a set, pickled."""
    for track in layout["tracks"].values():
        track["state"] = {name: np.array(values) for name, values in track["state"].items()}
        track["state"]["valid"] = track["state"]["valid"].astype(bool)
        track["state"]["position"] = track["state"]["position"].astype(np.float32)
    layout["metadata"]["ts"] = np.array(layout["metadata"]["ts"])
    layout["metadata"]["kinds"] = {"VEHICLE", "CYCLIST"}
    layout["metadata"]["track_length"] = np.int64(91)
    path.write_bytes(pickle.dumps(layout, protocol=protocol))
    return path
