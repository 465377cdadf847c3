"""ScenarioNet's unified dictionary, as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from antigrad.core.errors import InputValueError
from antigrad.core.files import write_atomic
from antigrad.scenarios.io.writers.writer import SceneWriter, file_names
from antigrad.scenarios.scene import Record, Scenes

TYPES = ("OTHER", "VEHICLE", "PEDESTRIAN", "CYCLIST")


@dataclass(frozen=True)
class ScenarioNet(SceneWriter):
    """One `.json` a scene in ScenarioNet's layout, in the coordinates of the source.

    Source: metadriverse/scenarionet, read from its files.

    Deviations: JSON instead of a pickle; `howto/scenes.md` has the three lines that turn one into the other.
    """

    def __call__(self, scenes: Scenes, folder: str | Path) -> tuple[Path, ...]:  # noqa: D102
        if (scenes.ego < 0).any():
            raise InputValueError("a scene without an ego", "an ego: ScenarioNet names it in sdc_id", "use with_ego")
        return tuple(
            write_atomic(Path(folder) / name, json.dumps(_layout(scenes.select([row]))))
            for row, name in enumerate(file_names(scenes, ".json"))
        )


def _layout(scene: Scenes) -> dict[str, Any]:
    record, states = scene.records[0], scene.shape[2]
    rows = scene.present[0].nonzero().flatten().tolist()
    names = [record.objects[row] if row < len(record.objects) else str(row) for row in rows]
    return {
        "id": record.id,
        "version": "antigrad",
        "length": states,
        "metadata": {
            "dataset": "waymo" if record.edges else str(record.notes.get("dataset", "")),
            "metadrive_processed": False,
            "coordinate": "right-handed",
            "id": record.id,
            "scenario_id": record.id,
            "sample_rate": scene.dt,
            "ts": [round(state * scene.dt, 6) for state in range(states)],
            "sdc_id": names[rows.index(int(scene.ego[0]))],
            "source": record.source,
        },
        "tracks": {name: _track(scene, row, name) for name, row in zip(names, rows, strict=True)},
        "dynamic_map_states": {},
        "map_features": _map(record),
    }


def _track(scene: Scenes, row: int, name: str) -> dict[str, Any]:
    valid, sort = scene.valid[0, row], TYPES[int(scene.kind[0, row])]
    origin = scene.xy.new_tensor(scene.records[0].origin)
    position = (scene.xy[0, row] + origin).masked_fill(~valid[:, None], 0.0)
    length, width = (scene.size[0, row, axis].expand(len(valid)).tolist() for axis in (0, 1))
    state = {
        "position": [[x, y, 0.0] for x, y in position.tolist()],
        "heading": scene.yaw[0, row].tolist(),
        "velocity": scene.vel[0, row].tolist(),
        "valid": valid.int().tolist(),
        "length": length,
        "width": width,
        "height": [1.5] * len(valid),
    }
    return {
        "type": sort,
        "state": state,
        "metadata": {"type": sort, "object_id": name, "track_length": len(valid), "dataset": "antigrad"},
    }


def _map(record: Record) -> dict[str, Any]:
    origin = np.array(record.origin)
    edges = [{"type": "ROAD_EDGE_BOUNDARY", "polyline": (line + origin).tolist()} for line in record.edges]
    lanes = [{"type": "LANE_SURFACE_STREET", "polygon": (area + origin).tolist()} for area in record.areas]
    middles = [(line + origin).tolist() for line in record.lanes]
    if len(middles) == len(lanes):
        lanes = [{**lane, "polyline": middle} for lane, middle in zip(lanes, middles, strict=True)]
    else:
        lanes += [{"type": "LANE_SURFACE_STREET", "polyline": middle} for middle in middles]
    return {str(number): feature for number, feature in enumerate(edges + lanes)}
