"""Waymo Open Motion, Scenario records: `*.tfrecord` files of serialised `Scenario` messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from antigrad.core.errors import InputValueError
from antigrad.core.files import is_file
from antigrad.scenarios.io.admit import admit
from antigrad.scenarios.io.messages import SCENARIO, message
from antigrad.scenarios.io.readers.reader import SceneReader
from antigrad.scenarios.io.records import read_records, starts_a_record
from antigrad.scenarios.scene import OTHER, Record, Scenes, longest_run

STATE = ("x", "y", "heading", "velocity_x", "velocity_y", "length", "width")


@dataclass(frozen=True)
class WomdScenario(SceneReader):
    """WOMD Scenario records: unrounded tracks at 10 Hz, road edges and lanes; many scenes in one file.

    Source: waymo-research/waymo-open-dataset, the field numbers of `scenario.proto`.

    Deviations: the size of an object is the median over its longest run, where the file has one a state.
    """

    def reads(self, path: Path) -> bool:  # noqa: D102
        return is_file(path) and "tfrecord" in path.name and starts_a_record(path) and not _is_example(path)

    def parse(self, path: Path) -> Iterator[Callable[[], Scenes]]:  # noqa: D102
        count = 0
        for payload in read_records(path):
            yield lambda payload=payload: scene_of(message(SCENARIO).FromString(payload), path.name)
            count += 1
        if not count:
            raise InputValueError("no record", "at least one", "download the file again")


def _is_example(path: Path) -> bool:
    with path.open("rb") as file:  # an Example is one field 1 of messages, a Scenario starts with times or tracks
        return b"state/" in (start := file.read(1 << 16)) or b"roadgraph_samples/" in start


def scene_of(scenario: Any, file: str) -> Scenes:
    """Turn one message into one scene.

    Args:
        scenario: A `Scenario` message.
        file: Name of the file, for the record.

    Returns:
        A batch of one.

    Raises:
        InputValueError: It has no tracks, or tracks of different lengths.
    """
    lengths = {len(track.states) for track in scenario.tracks}
    if len(lengths) != 1 or lengths == {0}:
        raise InputValueError(f"tracks with {sorted(lengths)} states", "tracks of one length", "leave the scene out")
    states = np.array([[[getattr(s, name) for name in STATE] for s in t.states] for t in scenario.tracks], float)
    valid = np.array([[state.valid for state in track.states] for track in scenario.tracks], bool)
    times = np.array(scenario.timestamps, float)
    record = Record(
        id=scenario.id or file,
        source=f"womd_scenario:{file}",
        objects=tuple(str(track.id) for track in scenario.tracks),
        edges=tuple(_line(f.road_edge) for f in scenario.map if len(f.road_edge.polyline) > 1),
        lanes=tuple(_line(f.lane) for f in scenario.map if len(f.lane.polyline) > 1),
    )
    kinds = np.array([track.kind if track.kind in (1, 2, 3) else OTHER for track in scenario.tracks])
    return admit(
        record,
        dt=round(float(np.median(np.diff(times))), 2) if len(times) > 1 else 0.1,
        xy=states[..., :2],
        yaw=states[..., 2],
        vel=states[..., 3:5],
        size=median_size(states[..., 5:], valid),
        valid=valid,
        kind=kinds,
        ego=int(scenario.ego),
    )


def median_size(size: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """One size an object: the median over its longest contiguous run, as it can change after a gap.

    Args:
        size: (A, T, 2) m.
        valid: (A, T) True where seen.

    Returns:
        (A, 2) m, zero for objects never seen.
    """
    runs = longest_run(torch.from_numpy(valid)).numpy()
    return np.array([np.median(s[run], axis=0) if run.any() else (0.0, 0.0) for s, run in zip(size, runs, strict=True)])


def _line(feature: Any) -> np.ndarray:
    return np.array([(point.x, point.y) for point in feature.polyline], float)
