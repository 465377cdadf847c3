"""CommonRoad XML, versions 2018b and 2020a."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from antigrad.core.errors import InputValueError
from antigrad.core.files import is_file
from antigrad.scenarios.io.admit import MOST_STATES, admit
from antigrad.scenarios.io.argoverse import middle
from antigrad.scenarios.io.files import content, head
from antigrad.scenarios.io.readers.reader import SceneReader
from antigrad.scenarios.scene import CYCLIST, OTHER, PEDESTRIAN, VEHICLE, Record, Scenes

CARS = ("car", "truck", "bus", "priorityVehicle", "parkedVehicle", "taxi", "motorcycle", "unknown")
KIND = dict.fromkeys(CARS, VEHICLE) | {"pedestrian": PEDESTRIAN, "bicycle": CYCLIST}


@dataclass(frozen=True)
class CommonRoad(SceneReader):
    """CommonRoad XML: dynamic and static obstacles, lanelets as drivable polygons, planning problems as notes.

    The format has no logged ego: `ego` promotes an obstacle, or the scene comes without one and `with_ego` names it.

    Args:
        ego: Id of the obstacle to promote, or None.

    Source: the 2018b and 2020a formats of commonroad.in.tum.de, read from their files.

    Deviations: intervals are read as their middle; uncertain positions as their centre.
    """

    ego: int | None = None

    def reads(self, path: Path) -> bool:  # noqa: D102
        return is_file(path) and path.suffix == ".xml" and b"<commonRoad" in head(path)

    def parse(self, path: Path) -> Iterator[Scenes]:  # noqa: D102
        try:
            root = fromstring(content(path), forbid_dtd=True)
        except DefusedXmlException as error:
            raise InputValueError("an XML file that defines entities", "plain XML", "remove its DOCTYPE") from error
        except ParseError as error:
            raise InputValueError(f"broken XML: {error}", "well-formed XML", "get the file again") from error
        if root.tag != "commonRoad":
            raise InputValueError(f"root element <{root.tag}>", "<commonRoad>", "check the format")
        obstacles = [o for o in root if _role(o) in {"dynamic", "static"}]
        lanelets = [(_bound(one, "leftBound"), _bound(one, "rightBound")) for one in root.iter("lanelet") if len(one)]
        record = Record(
            id=root.get("benchmarkID") or path.stem,
            source=f"commonroad:{path.name}",
            objects=tuple(str(o.get("id")) for o in obstacles),
            areas=tuple(np.concatenate([left, right[::-1]]) for left, right in lanelets),
            lanes=tuple(middle(left, right) for left, right in lanelets),
            notes={
                "left_points": [len(left) for left, _ in lanelets],
                "planning_problems": [_problem(one) for one in root.iter("planningProblem")],
            },
        )
        yield admit(record, dt=float(root.get("timeStepSize", "nan")), **_tracks(obstacles), ego=self._ego(record))

    def _ego(self, record: Record) -> int | None:
        if self.ego is None:
            return None
        if str(self.ego) not in record.objects:
            raise InputValueError(f"ego={self.ego}", "an obstacle's id", f"known: {', '.join(record.objects[:20])}")
        return record.objects.index(str(self.ego))


def _role(element: Any) -> str:
    if element.tag == "obstacle":
        return (element.findtext("role") or "").strip()
    return {"dynamicObstacle": "dynamic", "staticObstacle": "static"}.get(element.tag, "")


def _tracks(obstacles: list[Any]) -> dict[str, np.ndarray]:
    states = [[o.find("initialState"), *o.findall("trajectory/state")] for o in obstacles]
    steps = [[round(_number(state, "time")) for state in own] for own in states]
    length = 1 + max((step for own in steps for step in own), default=0)
    if not 1 <= length <= MOST_STATES or min((step for own in steps for step in own), default=0) < 0:
        raise InputValueError(f"states up to {length - 1}", f"0 to {MOST_STATES}", "check the time steps")
    shape = (len(obstacles), length)
    xy, vel, yaw, valid = np.zeros((*shape, 2)), np.zeros((*shape, 2)), np.zeros(shape), np.zeros(shape, bool)
    for row, (obstacle, own) in enumerate(zip(obstacles, states, strict=True)):
        still = _role(obstacle) == "static"
        for step, state in zip(steps[row], own, strict=True):
            at = slice(None) if still else step
            heading, speed = _number(state, "orientation"), 0.0 if still else _number(state, "velocity")
            xy[row, at], yaw[row, at], valid[row, at] = _place(state.find("position")), heading, True
            vel[row, at] = speed * math.cos(heading), speed * math.sin(heading)
    kind = np.array([KIND.get((o.findtext("type") or "").strip(), OTHER) for o in obstacles], int)
    size = np.array([_size(o.find("shape")) for o in obstacles]).reshape(-1, 2)
    return {"xy": xy, "yaw": yaw, "vel": vel, "size": size, "valid": valid, "kind": kind}


def _number(element: Any, name: str) -> float:
    # an exact value, or the middle of its interval
    found = element.find(name)
    if found is None:
        raise InputValueError(f"a state without <{name}>", "a value in each", "get the file again")
    exact = found.findtext("exact")
    if exact is not None:
        return float(exact)
    return (float(found.findtext("intervalStart")) + float(found.findtext("intervalEnd"))) / 2


def _point(element: Any) -> tuple[float, float]:
    return float(element.findtext("x")), float(element.findtext("y"))


def _place(position: Any) -> tuple[float, float]:
    for path in ("point", "rectangle/center", "circle/center"):
        if position.find(path) is not None:
            return _point(position.find(path))
    raise InputValueError("a position that is no point, rectangle or circle", "one of these", "leave the scene out")


def _size(shape: Any) -> tuple[float, float]:
    if shape.find("rectangle") is not None:
        return float(shape.findtext("rectangle/length")), float(shape.findtext("rectangle/width"))
    if shape.find("circle") is not None:
        across = 2 * float(shape.findtext("circle/radius"))
        return across, across
    points = np.array([_point(point) for point in shape.findall("polygon/point")])
    if not len(points):
        raise InputValueError("a shape that is no rectangle, circle or polygon", "one of these", "leave the scene out")
    return 2 * float(np.abs(points[:, 0]).max()), 2 * float(np.abs(points[:, 1]).max())


def _bound(lanelet: Any, side: str) -> np.ndarray:
    return np.array([_point(point) for point in lanelet.findall(f"{side}/point")]).reshape(-1, 2)


def _problem(element: Any) -> dict[str, Any]:
    start = element.find("initialState")
    x, y = _place(start.find("position"))
    return {"id": element.get("id"), "start": [x, y, _number(start, "orientation"), _number(start, "velocity")]}
