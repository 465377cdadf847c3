"""Waymo Open Motion, tf.Example records: 128 object slots, 10 past, 1 current and 80 future states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from antigrad.core.errors import InputValueError
from antigrad.core.files import is_file
from antigrad.scenarios.io.admit import admit
from antigrad.scenarios.io.messages import EXAMPLE, message
from antigrad.scenarios.io.readers.reader import SceneReader
from antigrad.scenarios.io.readers.womd_scenario import median_size
from antigrad.scenarios.io.records import read_records, starts_a_record
from antigrad.scenarios.scene import OTHER, Record, Scenes

LANES, EDGES = (1, 2, 3), (15, 16)


@dataclass(frozen=True)
class WomdExample(SceneReader):
    """WOMD tf.Example records; every slot is kept, empty ones are never valid.

    Source: waymo-research/waymo-open-dataset, the feature names of its motion data format.

    Deviations: the size of an object is the median over its longest run, where the file has one a state.
    """

    def reads(self, path: Path) -> bool:  # noqa: D102
        if not (is_file(path) and "tfrecord" in path.name and starts_a_record(path)):
            return False
        with path.open("rb") as file:
            start = file.read(1 << 16)
        return b"state/" in start or b"roadgraph_samples/" in start

    def parse(self, path: Path) -> Iterator[Callable[[], Scenes]]:  # noqa: D102
        count = 0
        for payload in read_records(path):
            yield lambda payload=payload: scene_of(features_of(payload), path.name)
            count += 1
        if not count:
            raise InputValueError("no record", "at least one", "download the file again")


def features_of(payload: bytes) -> dict[str, np.ndarray]:
    """Read a serialised `Example`.

    Args:
        payload: The message.

    Returns:
        Name and values of each feature that has any; bytes stay bytes.
    """
    found: dict[str, np.ndarray] = {}
    for entry in message(EXAMPLE).FromString(payload).features.feature:
        feature = entry.value
        for values, kind in ((feature.floats, float), (feature.ints, np.int64), (feature.bytes, object)):
            if len(values.value):
                found[entry.key] = np.array(values.value, kind)
    return found


def scene_of(features: dict[str, np.ndarray], file: str) -> Scenes:
    """Turn one example into one scene.

    Args:
        features: Name and values.
        file: Name of the file, for the record.

    Returns:
        A batch of one.

    Raises:
        InputValueError: No object is the ego.
    """
    slots = len(features["state/type"])

    def joined(name: str) -> np.ndarray:
        parts = [features[f"state/{when}/{name}"] for when in ("past", "current", "future")]
        return np.concatenate([part.reshape(slots, -1) for part in parts], 1).astype(float)

    kind = features["state/type"].astype(np.int64)
    valid = (joined("valid") > 0) & (kind >= 1)[:, None]
    egos = np.flatnonzero(features["state/is_sdc"] == 1)
    if len(egos) != 1:
        raise InputValueError(f"{len(egos)} objects marked state/is_sdc", "one ego", "leave the scene out")
    points = features["roadgraph_samples/xyz"].reshape(-1, 3)[:, :2]
    sort, line = features["roadgraph_samples/type"], features["roadgraph_samples/id"]
    there = features["roadgraph_samples/valid"] > 0

    def lines(sorts: tuple[int, ...]) -> tuple[np.ndarray, ...]:
        chosen = there & np.isin(sort, sorts)
        pieces = [points[chosen & (line == number)] for number in dict.fromkeys(line[chosen].tolist())]
        return tuple(piece for piece in pieces if len(piece) > 1)

    name = features.get("scenario/id", np.array([file.encode()], object))[0]
    record = Record(
        id=name.decode(),
        source=f"womd_example:{file}",
        objects=tuple(str(int(number)) for number in features.get("state/id", np.arange(slots))),
        edges=lines(EDGES),
        lanes=lines(LANES),
    )
    return admit(
        record,
        dt=0.1,
        xy=np.stack([joined("x"), joined("y")], -1),
        yaw=joined("bbox_yaw"),
        vel=np.stack([joined("velocity_x"), joined("velocity_y")], -1),
        size=median_size(np.stack([joined("length"), joined("width")], -1), valid),
        valid=valid,
        kind=np.where(np.isin(kind, (1, 2, 3)), kind, OTHER),
        ego=int(egos[0]),
    )
