"""CommonRoad XML, version 2020a."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from antigrad.core.files import write_atomic
from antigrad.scenarios.io.writers.writer import SceneWriter, file_names
from antigrad.scenarios.scene import CYCLIST, PEDESTRIAN, VEHICLE, Record, Scenes, longest_run

TYPES = {VEHICLE: "car", PEDESTRIAN: "pedestrian", CYCLIST: "bicycle"}
LANE_WIDTH = 3.5
GOAL = 5.0


@dataclass(frozen=True)
class CommonRoad(SceneWriter):
    """One `.xml` a scene, in the coordinates of the source, every object on its longest contiguous run.

    The ego becomes the planning problem: its first state, and a goal of 5 m around its last position at that time.

    Args:
        ego_obstacle: Write the ego's log as an obstacle too; a planner that solves the problem would run into it.

    Source: the 2020a format of commonroad.in.tum.de, as read from files.

    Deviations: scenes without lanelets get one of 3.5 m width around each lane's centre line.
    """

    ego_obstacle: bool = False

    def __call__(self, scenes: Scenes, folder: str | Path) -> tuple[Path, ...]:  # noqa: D102
        written: list[Path] = []
        for row, name in enumerate(file_names(scenes, ".xml")):
            root = self._document(scenes.select([row]))
            indent(root)
            written.append(write_atomic(Path(folder) / name, tostring(root, "utf-8", xml_declaration=True)))
        return tuple(written)

    def _document(self, scene: Scenes) -> Element:
        record, ego = scene.records[0], int(scene.ego[0])
        root = Element(
            "commonRoad",
            commonRoadVersion="2020a",
            benchmarkID=record.id,
            timeStepSize=repr(scene.dt),
            date=datetime.now(UTC).date().isoformat(),
            author="Antigrad",
            affiliation="",
            source=record.source,
        )
        place = SubElement(root, "location")
        for tag, text in (("geoNameId", "-999"), ("gpsLatitude", "999"), ("gpsLongitude", "999")):
            SubElement(place, tag).text = text
        SubElement(root, "scenarioTags")
        rows = scene.present[0].nonzero().flatten().tolist()
        ids = _ids(record, rows)
        next_id = max(ids.values(), default=0) + 1
        for number, (left, right) in enumerate(lanelets(record), next_id):
            _lanelet(root, number, left, right)
        runs = longest_run(scene.valid)[0]
        for row in rows:
            if row != ego or self.ego_obstacle:
                _obstacle(root, scene, row, ids[row], runs[row].nonzero().flatten().tolist())
        if ego >= 0:
            steps = runs[ego].nonzero().flatten().tolist()
            _problem(root, scene, ego, next_id + len(lanelets(record)), steps)
        return root


def _ids(record: Record, rows: list[int]) -> dict[int, int]:
    names = [record.objects[row] if row < len(record.objects) else "" for row in rows]
    whole = all(name.isdigit() and 0 < int(name) < 2**31 for name in names) and len(set(names)) == len(names)
    return dict(zip(rows, [int(n) for n in names] if whole else range(1, len(rows) + 1), strict=True))


def lanelets(record: Record) -> list[tuple[np.ndarray, np.ndarray]]:
    """Left and right border of each lanelet, in the coordinates of the source.

    Args:
        record: A scene; polygons read from CommonRoad are split again, centre lines of other formats are widened.

    Returns:
        Borders in driving direction, (K, 2) m each.
    """
    counts = record.notes.get("left_points")
    origin = np.array(record.origin)
    if counts and len(counts) == len(record.areas):
        areas = [area + origin for area in record.areas]
        return [(area[:n], area[n:][::-1]) for area, n in zip(areas, counts, strict=True)]
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for line in record.lanes:
        line = line[np.append(True, np.hypot(*np.diff(line, axis=0).T) > 1e-6)]
        if len(line) > 1:
            ahead = np.gradient(line, axis=0)
            across = np.stack([-ahead[:, 1], ahead[:, 0]], 1) / (np.hypot(*ahead.T)[:, None] + 1e-9)
            found.append((line + origin + across * LANE_WIDTH / 2, line + origin - across * LANE_WIDTH / 2))
    return found


def _lanelet(root: Element, number: int, left: np.ndarray, right: np.ndarray) -> None:
    lanelet = SubElement(root, "lanelet", id=str(number))
    for tag, border in (("leftBound", left), ("rightBound", right)):
        bound = SubElement(lanelet, tag)
        for x, y in border.tolist():
            _point(bound, x, y)
    SubElement(lanelet, "laneletType").text = "unknown"


def _point(parent: Element, x: float, y: float, tag: str = "point") -> None:
    point = SubElement(parent, tag)
    SubElement(point, "x").text, SubElement(point, "y").text = repr(x), repr(y)


def _exact(parent: Element, tag: str, value: float) -> None:
    SubElement(SubElement(parent, tag), "exact").text = repr(value)


def _state(parent: Element, tag: str, scene: Scenes, row: int, step: int) -> Element:
    state = SubElement(parent, tag)
    x, y = (scene.xy[0, row, step].double() + scene.xy.new_tensor(scene.records[0].origin).double()).tolist()
    yaw, (vx, vy) = float(scene.yaw[0, row, step]), scene.vel[0, row, step].tolist()
    _point(SubElement(state, "position"), x, y)
    _exact(state, "orientation", yaw)
    _exact(state, "time", step)
    _exact(state, "velocity", vx * math.cos(yaw) + vy * math.sin(yaw))
    return state


def _obstacle(root: Element, scene: Scenes, row: int, number: int, steps: list[int]) -> None:
    obstacle = SubElement(root, "dynamicObstacle", id=str(number))
    SubElement(obstacle, "type").text = TYPES.get(int(scene.kind[0, row]), "unknown")
    shape = SubElement(SubElement(obstacle, "shape"), "rectangle")
    length, width = scene.size[0, row].tolist()
    SubElement(shape, "length").text, SubElement(shape, "width").text = repr(length), repr(width)
    _state(obstacle, "initialState", scene, row, steps[0])
    if len(steps) > 1:
        trajectory = SubElement(obstacle, "trajectory")
        for step in steps[1:]:
            _state(trajectory, "state", scene, row, step)


def _problem(root: Element, scene: Scenes, ego: int, number: int, steps: list[int]) -> None:
    problem = SubElement(root, "planningProblem", id=str(number))
    start = _state(problem, "initialState", scene, ego, steps[0])
    _exact(start, "yawRate", 0.0)
    _exact(start, "slipAngle", 0.0)
    goal = SubElement(problem, "goalState")
    circle = SubElement(SubElement(goal, "position"), "circle")
    SubElement(circle, "radius").text = repr(GOAL)
    end: Any = scene.xy[0, ego, steps[-1]].double() + scene.xy.new_tensor(scene.records[0].origin).double()
    _point(circle, *end.tolist(), tag="center")
    time = SubElement(goal, "time")
    SubElement(time, "intervalStart").text, SubElement(time, "intervalEnd").text = "1", str(max(steps[-1], 1))
