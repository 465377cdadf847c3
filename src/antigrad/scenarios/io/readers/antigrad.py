"""Our own format: a folder with `scenes.json` and a Parquet file of tracks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from antigrad.core.errors import InputValueError
from antigrad.core.files import inside, is_file, is_folder
from antigrad.scenarios.io.admit import MOST_OBJECTS, MOST_STATES, refuse_absurd
from antigrad.scenarios.io.argoverse import columns
from antigrad.scenarios.io.files import content
from antigrad.scenarios.io.readers.reader import SceneReader
from antigrad.scenarios.io.writers.antigrad import FORMAT, VERSION
from antigrad.scenarios.scene import Record, Scenes

TYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class Antigrad(SceneReader):
    """Our own format, written by the writer `antigrad`: read back bit for bit, one scene after the other.

    Source: ours.

    Deviations: none.
    """

    def reads(self, path: Path) -> bool:  # noqa: D102
        return is_folder(path) and is_file(path / "scenes.json")

    def parse(self, path: Path) -> Iterator[Callable[[], Scenes]]:  # noqa: D102
        data = json.loads(content(path / "scenes.json"))
        if data.get("format") != FORMAT or data.get("version") != VERSION:
            raise InputValueError(
                f"format {data.get('format')!r} {data.get('version')}", f"{FORMAT} {VERSION}", "update"
            )
        count, objects, states = len(data["scenes"]), int(data["objects"]), int(data["states"])
        if not (0 < objects <= MOST_OBJECTS and 0 < states <= MOST_STATES):
            raise InputValueError(f"{objects} objects, {states} states", f"1 to {MOST_OBJECTS}", "get the file again")
        kind = TYPES[data["dtype"]]
        names = ("scene", "object", "state", "x", "y", "yaw", "vx", "vy")
        rows = columns(inside(path, str(data["tracks"])), names)
        index = np.stack([rows[name].astype(np.int64) for name in names[:3]])
        if (index < 0).any() or (index >= np.array([[count], [objects], [states]])).any():
            raise InputValueError("a track outside the scenes", "numbers below the counts", "get the folder again")
        for number, one in enumerate(data["scenes"]):
            here = index[0] == number
            place = (0, *(torch.from_numpy(part[here]) for part in index[1:]))
            values = {name: torch.from_numpy(rows[name][here].astype(data["dtype"])) for name in names[3:]}
            yield partial(_scene, one, place, values, (objects, states), kind, float(data["dt"]))


def _scene(
    one: dict[str, Any],
    place: tuple[Any, ...],
    values: dict[str, torch.Tensor],
    shape: tuple[int, int],
    kind: torch.dtype,
    dt: float,
) -> Scenes:
    xy, vel = torch.zeros(1, *shape, 2, dtype=kind), torch.zeros(1, *shape, 2, dtype=kind)
    yaw, valid = torch.zeros(1, *shape, dtype=kind), torch.zeros(1, *shape, dtype=torch.bool)
    xy[place], vel[place] = torch.stack([values["x"], values["y"]], -1), torch.stack([values["vx"], values["vy"]], -1)
    yaw[place], valid[place] = values["yaw"], True
    lines = {name: tuple(np.array(line, float) for line in one[name]) for name in ("edges", "areas", "lanes")}
    origin = (float(one["origin"][0]), float(one["origin"][1]))
    size, sort = torch.tensor([one["size"]], dtype=kind), torch.tensor([one["kind"]])
    record = Record(str(one["id"]), str(one["source"]), tuple(one["objects"]), origin, **lines, notes=one["notes"])
    ego, seen = int(one["ego"]), {"xy": xy, "yaw": yaw, "vel": vel, "size": size, "valid": valid}
    arrays = {name: value[0].numpy() for name, value in seen.items()}
    refuse_absurd(record, dt=dt, ego=None if ego == -1 else ego, **arrays)
    return Scenes(xy, yaw, vel, size, valid, sort, torch.tensor([ego]), dt, (record,))
