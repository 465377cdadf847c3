"""Argoverse 2 motion forecasting: a folder with `scenario_*.parquet` and its vector map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from antigrad.core.errors import InputValueError
from antigrad.core.files import is_folder
from antigrad.scenarios.io.admit import admit
from antigrad.scenarios.io.argoverse import columns, vector_map
from antigrad.scenarios.io.readers.reader import SceneReader
from antigrad.scenarios.scene import CYCLIST, OTHER, PEDESTRIAN, VEHICLE, Record, Scenes

DEFAULT_SIZE = {VEHICLE: (4.6, 2.0), PEDESTRIAN: (0.9, 0.85), CYCLIST: (1.85, 0.8), OTHER: (1.0, 1.0)}
"""m, length and width; medians of 40 Waymo scenes."""
KIND = {"vehicle": VEHICLE, "bus": VEHICLE, "pedestrian": PEDESTRIAN, "cyclist": CYCLIST, "motorcyclist": CYCLIST}
COLUMNS = ("track_id", "object_type", "timestep", "position_x", "position_y", "heading", "velocity_x", "velocity_y")
LONGEST = 2000


@dataclass(frozen=True)
class Av2Forecasting(SceneReader):
    """Argoverse 2 motion forecasting: 110 states at 10 Hz with velocities; sizes are class defaults.

    The map covers only the surroundings of the scored track: a quarter of the moving vehicles' corners can lie outside
    it, and then an off-road cost is refused (`road.check_off_road`).

    Args:
        rear_axle_to_centre: m by which the ego is moved ahead along its heading; 0 leaves it. The format does not say
            which point of the ego is given; weak evidence (15 samples) points to the rear axle.

    Source: argoverse/av2-api, the columns of its files.

    Deviations: none; the format has no box sizes.
    """

    rear_axle_to_centre: float = 0.0

    def reads(self, path: Path) -> bool:  # noqa: D102
        return is_folder(path) and any(path.glob("scenario_*.parquet"))

    def parse(self, path: Path) -> Iterator[Callable[[], Scenes]]:  # noqa: D102
        for file in sorted(path.glob("scenario_*.parquet")):
            yield lambda file=file: self._scene(file)

    def _scene(self, file: Path) -> Scenes:
        data = columns(file, (*COLUMNS, "scenario_id", "num_timestamps"))
        names = [str(name) for name in dict.fromkeys(data["track_id"].tolist())]
        states, step = int(data["num_timestamps"][0]), data["timestep"].astype(int)
        if not 1 <= states <= LONGEST or step.min() < 0 or step.max() >= states:
            raise InputValueError(
                f"states {step.min()} to {step.max()} of {states}", "0 to below", "get the file again"
            )
        number = {name: place for place, name in enumerate(names)}
        row = np.array([number[str(name)] for name in data["track_id"]])
        kind = np.zeros(len(names), int)
        kind[row] = [KIND.get(str(name), OTHER) for name in data["object_type"]]
        xy, vel = np.zeros((len(names), states, 2)), np.zeros((len(names), states, 2))
        yaw, valid = np.zeros(xy.shape[:2]), np.zeros(xy.shape[:2], bool)
        valid[row, step], yaw[row, step] = True, data["heading"]
        xy[row, step] = np.stack([data["position_x"], data["position_y"]], 1)
        vel[row, step] = np.stack([data["velocity_x"], data["velocity_y"]], 1)
        if "AV" not in names:
            raise InputValueError("no track named AV", "the ego's track", "leave the scene out")
        ego = names.index("AV")
        xy[ego] += self.rear_axle_to_centre * np.stack([np.cos(yaw[ego]), np.sin(yaw[ego])], 1)
        areas, lanes = vector_map(file.parent)
        record = Record(
            id=str(data["scenario_id"][0]),
            source=f"av2_forecasting:{file.name}",
            objects=tuple(names),
            areas=areas,
            lanes=lanes,
            notes={"sizes": "class defaults"},
        )
        size = np.array([DEFAULT_SIZE[int(one)] for one in kind])
        return admit(record, dt=0.1, xy=xy, yaw=yaw, vel=vel, size=size, valid=valid, kind=kind, ego=ego)
