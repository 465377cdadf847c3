"""What the two Argoverse 2 formats share: the vector map, and tables read by pyarrow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pyarrow import feather, parquet

from antigrad.core.errors import InputValueError
from antigrad.scenarios.io.files import content

MOST_ROWS = 5_000_000
Lines = tuple[np.ndarray, ...]


def columns(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read columns of a Parquet or Feather file.

    Args:
        path: The file.
        names: Columns wanted.

    Returns:
        Each as an array.

    Raises:
        InputValueError: There are too many rows, or a column is missing or has gaps.
    """
    if path.suffix == ".parquet":
        with parquet.ParquetFile(path) as file:
            _small_enough(file.metadata.num_rows)
            table = file.read(columns=list(names))
    else:
        table = feather.read_table(path, columns=list(names), memory_map=False)
        _small_enough(table.num_rows)
    table.validate(full=True)  # a damaged text column would crash the process when it is read
    missing = [name for name in names if name not in table.column_names or table[name].null_count]
    if missing or not table.num_rows:
        raise InputValueError(f"{path.name}: columns {missing} missing or empty", "rows in each", "get the file again")
    return {name: table[name].to_numpy() for name in names}


def _small_enough(rows: int) -> None:
    if rows > MOST_ROWS:
        raise InputValueError(f"{rows} rows", f"at most {MOST_ROWS}", "cut the log")


def vector_map(folder: Path) -> tuple[Lines, Lines]:
    """Drivable areas and lane centre lines of a folder's map.

    Args:
        folder: A scenario's or log's folder.

    Returns:
        Polygons and centre lines; none where there is no map.
    """
    paths = sorted(folder.glob("log_map_archive*.json")) + sorted(folder.glob("map/log_map_archive*.json"))
    if not paths:
        return (), ()
    data = json.loads(content(paths[0]))
    areas = tuple(_points(area["area_boundary"]) for area in data["drivable_areas"].values())
    lanes = data.get("lane_segments", {}).values()
    return areas, tuple(
        middle(_points(lane["left_lane_boundary"]), _points(lane["right_lane_boundary"])) for lane in lanes
    )


def _points(line: list[dict[str, float]]) -> np.ndarray:
    return np.array([(point["x"], point["y"]) for point in line], float).reshape(-1, 2)


def middle(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Centre line between two borders, matched by their share of arc length.

    Args:
        left: (K, 2) m.
        right: (L, 2) m.

    Returns:
        (max(K, L), 2) m.
    """
    marks = np.linspace(0, 1, max(len(left), len(right), 2))
    return (along(left, marks) + along(right, marks)) / 2


def along(line: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Points at shares of a polyline's length.

    Args:
        line: (K, 2) m.
        marks: (M,) from 0 to 1.

    Returns:
        (M, 2) m.
    """
    reach = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    return np.stack([np.interp(marks * reach[-1], reach, line[:, axis]) for axis in (0, 1)], 1)
