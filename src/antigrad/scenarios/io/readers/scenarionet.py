"""ScenarioNet: its unified dictionary as JSON, or as the pickle it natively is, read by a restricted unpickler."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from antigrad.core.errors import InputValueError
from antigrad.core.files import is_file
from antigrad.scenarios.io.admit import admit
from antigrad.scenarios.io.files import content, head
from antigrad.scenarios.io.readers.reader import SceneReader
from antigrad.scenarios.io.unpickle import safe_load
from antigrad.scenarios.scene import CYCLIST, OTHER, PEDESTRIAN, VEHICLE, Record, Scenes, longest_run

KIND = {"VEHICLE": VEHICLE, "PEDESTRIAN": PEDESTRIAN, "CYCLIST": CYCLIST}
MARKS = (b'"metadrive_processed"', b'"sdc_id"', b'"dynamic_map_states"', b'"map_features"')


@dataclass(frozen=True)
class ScenarioNet(SceneReader):
    """ScenarioNet's unified dictionary (nuScenes, Waymo, nuPlan): `.json`, `.json.xz`, or `.pkl`.

    Args:
        swap_ego: Swap the ego's length and width where the length is the smaller one, as in its nuScenes files.

    Source: metadriverse/scenarionet, read from its files.

    Deviations: none.
    """

    swap_ego: bool = True

    def reads(self, path: Path) -> bool:  # noqa: D102
        if not is_file(path):
            return False
        if path.suffix == ".pkl":
            return any(mark in head(path, 1 << 16) for mark in (b"sdc_id", b"metadata"))
        return path.name.endswith((".json", ".json.xz")) and any(mark in head(path) for mark in MARKS)

    def parse(self, path: Path) -> Iterator[Scenes]:  # noqa: D102
        data = safe_load(content(path)) if path.suffix == ".pkl" else json.loads(content(path))
        meta, tracks = data["metadata"], data["tracks"]
        names = [str(name) for name in tracks]
        states = [track["state"] for track in tracks.values()]
        ego = names.index(str(meta["sdc_id"])) if str(meta["sdc_id"]) in names else None
        if ego is None:
            raise InputValueError(
                f"no track {meta['sdc_id']!r}, the ego", f"one of {len(names)}", "leave the scene out"
            )
        valid = np.array([np.asarray(state["valid"]) > 0 for state in states], bool)
        size = np.stack([_sizes(states, valid, name) for name in ("length", "width")], 1)
        notes: dict[str, Any] = {"dataset": str(meta.get("dataset", ""))}
        if self.swap_ego and size[ego, 0] < size[ego, 1]:
            size[ego], notes["ego_size_swapped"] = size[ego, ::-1].copy(), True
        edges, areas, lanes = _map(data["map_features"], from_waymo=notes["dataset"] == "waymo")
        record = Record(
            id=str(data["id"]),
            source=f"scenarionet:{path.name}",
            objects=tuple(names),
            edges=edges,
            areas=areas,
            lanes=lanes,
            notes=notes,
        )
        yield admit(
            record,
            dt=_step(meta),
            xy=np.array([np.asarray(state["position"], float)[:, :2] for state in states]),
            yaw=np.array([np.asarray(state["heading"], float).reshape(-1) for state in states]),
            vel=np.array([np.asarray(state["velocity"], float)[:, :2] for state in states]),
            size=size,
            valid=valid,
            kind=np.array([KIND.get(str(track["type"]), OTHER) for track in tracks.values()]),
            ego=ego,
        )


def _sizes(states: list[dict[str, Any]], valid: np.ndarray, name: str) -> np.ndarray:
    runs = longest_run(torch.from_numpy(valid)).numpy()
    values = [np.asarray(state[name], float).reshape(-1) for state in states]
    return np.array([np.median(v[run]) if run.any() else 0.0 for v, run in zip(values, runs, strict=True)])


def _step(meta: dict[str, Any]) -> float:
    times = np.asarray(meta.get("ts", ()), float)
    return round(float(np.median(np.diff(times))), 3) if len(times) > 1 else float(meta.get("sample_rate", 0.1))


def _map(features: dict[Any, Any], from_waymo: bool) -> tuple[tuple[np.ndarray, ...], ...]:
    def lines(key: str, starts: str) -> tuple[np.ndarray, ...]:
        chosen = [f[key] for f in features.values() if str(f["type"]).startswith(starts) and f.get(key) is not None]
        arrays = [np.asarray(line, float) for line in chosen if len(line) > 1]
        return tuple(array[:, :2] for array in arrays)

    edges = lines("polyline", "ROAD_EDGE") if from_waymo else ()  # only there are edges known to have a right side
    return edges, lines("polygon", "LANE"), lines("polyline", "LANE")
