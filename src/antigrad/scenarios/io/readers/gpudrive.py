"""GPUDrive and Nocturne JSON: Waymo scenes as plain text, also compressed as `.json.xz`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from antigrad.core.errors import InputValueError
from antigrad.core.files import is_file
from antigrad.scenarios.io.admit import admit
from antigrad.scenarios.io.files import content, head
from antigrad.scenarios.io.heading import Unit, heading_unit
from antigrad.scenarios.io.readers.reader import SceneReader
from antigrad.scenarios.scene import KINDS, Record, Scenes


@dataclass(frozen=True)
class GpuDrive(SceneReader):
    """GPUDrive / Nocturne JSON: 91 states at 10 Hz, boxes, velocities, road edges and lanes.

    Args:
        heading_unit: `auto` decides per file by comparison with the velocity; `rad` or `deg` settles it.
        ego: Number of the ego; default: `metadata.sdc_track_index`, or the last object where that is absent.

    Source: Emerge-Lab/gpudrive and facebookresearch/nocturne, read from their files.

    Deviations: the unit of `heading` is not stated in the files; see `io/heading.py`. States that are not valid carry a
    sentinel (-10000 or 0) and are masked.
    """

    heading_unit: Unit = "auto"
    ego: int | None = None

    def reads(self, path: Path) -> bool:  # noqa: D102
        if not path.name.endswith((".json", ".json.xz")) or not is_file(path):
            return False
        start = head(path)
        return any(word in start for word in (b'"objects"', b'"roads"', b'"tl_states"'))

    def parse(self, path: Path) -> Iterator[Scenes]:  # noqa: D102
        data = json.loads(content(path))
        things = data["objects"]
        if not things:
            raise InputValueError("no objects", "at least one", "leave the scene out")
        states = {len(thing["valid"]) for thing in things}
        if len(states) != 1:
            raise InputValueError(f"objects with {sorted(states)} states", "one length", "get the file again")
        valid = np.array([thing["valid"] for thing in things], bool)
        yaw = np.array([thing["heading"] for thing in things], float)
        vel = _pairs(things, "velocity")
        kind = np.array([KINDS.index(t["type"]) if t["type"] in KINDS else 0 for t in things])
        found = heading_unit(yaw, vel, valid, kind, self.heading_unit)
        last = data.get("metadata", {}).get("sdc_track_index", len(things) - 1)
        roads = [
            (road["type"], np.array([(p["x"], p["y"]) for p in road["geometry"]], float)) for road in data["roads"]
        ]
        record = Record(
            id=str(data.get("scenario_id") or path.name.split(".")[0]),
            source=f"gpudrive:{path.name}",
            objects=tuple(str(thing.get("id", number)) for number, thing in enumerate(things)),
            edges=tuple(line for name, line in roads if name == "road_edge" and len(line) > 1),
            lanes=tuple(line for name, line in roads if name == "lane" and len(line) > 1),
            notes={"heading": found._asdict()},
        )
        yield admit(
            record,
            dt=0.1,
            xy=_pairs(things, "position"),
            yaw=np.radians(yaw) if found.unit == "deg" else yaw,
            vel=vel,
            size=np.array([(thing["length"], thing["width"]) for thing in things], float),
            valid=valid,
            kind=kind,
            ego=int(last) if self.ego is None else self.ego,
        )


def _pairs(things: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([[(point["x"], point["y"]) for point in thing[name]] for thing in things], float)
