"""ASAM OpenSCENARIO XML 1.2 with plain trajectories: no road network is needed to play it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from xml.etree.ElementTree import indent, tostring

from scenariogeneration import xosc as _xosc

from antigrad.core.errors import InputValueError
from antigrad.core.files import write_atomic
from antigrad.scenarios.io.writers.writer import SceneWriter, file_names
from antigrad.scenarios.scene import CYCLIST, PEDESTRIAN, VEHICLE, Scenes, longest_run

xosc: Any = _xosc  # its enumerations are not typed as what its functions take
MINOR = 2
REAR_AXLE, WHEELBASE = 0.28, 0.6
"""Shares of a vehicle's length: from the box centre back to the rear axle, and from there to the front axle."""
HEIGHT = 1.5


@dataclass(frozen=True)
class OpenScenario(SceneWriter):
    """One `.xosc` a scene, relative to the scene's origin, every object on its longest contiguous run.

    A vehicle's reference point is the middle of its rear axle, as the standard has it; the box centre lies ahead of it
    by 0.28 lengths (1.28 m for 4.6 m). Objects that come later are added, and those that leave are deleted, when the
    simulation time says so. These conditions have the edge `none`: with `rising`, a condition that is true from the
    start would never fire, as there is no step before in which it was false.

    Args:
        ego: `trajectory` has the ego follow its log; `free` leaves it to the player's controller after its start.

    Raises:
        InputValueError: `ego` is something else.

    Source: ASAM OpenSCENARIO XML 1.2.

    Deviations: heights are 1.5 m, axles are estimated from the length: scenes have neither.
    """

    ego: Literal["trajectory", "free"] = "trajectory"

    def __post_init__(self) -> None:
        if self.ego not in {"trajectory", "free"}:
            raise InputValueError(f"ego={self.ego!r}", "trajectory or free", "trajectory plays the log")

    def __call__(self, scenes: Scenes, folder: str | Path) -> tuple[Path, ...]:  # noqa: D102
        written: list[Path] = []
        for row, name in enumerate(file_names(scenes, ".xosc")):
            root = self._document(scenes.select([row]))
            indent(root)
            written.append(write_atomic(Path(folder) / name, tostring(root, "utf-8", xml_declaration=True)))
        return tuple(written)

    def _document(self, scene: Scenes) -> Any:
        entities, init = xosc.Entities(), xosc.Init()
        story, end = xosc.Act("act", _at(0.0, "begin")), (scene.shape[2] - 1) * scene.dt
        for actor in _actors(scene):
            entities.add_scenario_object(actor.name, actor.entity())
            if actor.times[0] == 0:
                init.add_init_action(actor.name, xosc.TeleportAction(actor.places[0]))
                speed = xosc.TransitionDynamics(xosc.DynamicsShapes.step, xosc.DynamicsDimension.time, 0)
                init.add_init_action(actor.name, xosc.AbsoluteSpeedAction(actor.speed, speed))
            follows = len(actor.times) > 1 and not (actor.ego and self.ego == "free")
            events = actor.events(follows, end)
            if events:
                maneuver = xosc.Maneuver(f"{actor.name} maneuver")
                for event in events:
                    maneuver.add_event(event)
                group = xosc.ManeuverGroup(f"{actor.name} group")
                group.add_actor(actor.name)
                group.add_maneuver(maneuver)
                story.add_maneuver_group(group)
        board = xosc.StoryBoard(init, _at(end + scene.dt, "end", stop=True))
        board.add_act(story)
        record = scene.records[0]
        return xosc.Scenario(
            f"{record.id} from {record.source}, origin {record.origin[0]!r} {record.origin[1]!r}",
            "Antigrad",
            xosc.ParameterDeclarations(),
            entities,
            board,
            xosc.RoadNetwork(),
            xosc.Catalog(),
            osc_minor_version=MINOR,
            creation_date=datetime.now(UTC).replace(tzinfo=None, microsecond=0),
        ).get_element()


def _at(time: float, name: str, stop: bool = False) -> Any:
    condition = xosc.SimulationTimeCondition(round(time, 9), xosc.Rule.greaterOrEqual)
    return xosc.ValueTrigger(name, 0, xosc.ConditionEdge.none, condition, "stop" if stop else "start")


@dataclass(frozen=True)
class _Actor:
    name: str
    kind: int
    length: float
    width: float
    ego: bool
    speed: float
    times: list[float]
    places: list[Any]

    def entity(self) -> Any:
        ahead = REAR_AXLE * self.length if self.kind in {VEHICLE, CYCLIST} else 0.0
        box = xosc.BoundingBox(self.width, self.length, HEIGHT, ahead, 0.0, HEIGHT / 2)
        if self.kind == PEDESTRIAN:
            return xosc.Pedestrian(self.name, 75.0, xosc.PedestrianCategory.pedestrian, box)
        if self.kind not in {VEHICLE, CYCLIST}:
            return xosc.MiscObject(self.name, 50.0, xosc.MiscObjectCategory.obstacle, box)
        truck = xosc.VehicleCategory.truck if self.length > 7 else xosc.VehicleCategory.car
        category = truck if self.kind == VEHICLE else xosc.VehicleCategory.bicycle
        axles = (xosc.Axle(0.6, 0.7, self.width, x, 0.35) for x in (WHEELBASE * self.length, 0.0))
        return xosc.Vehicle(self.name, category, box, *axles, max_speed=70, max_acceleration=10, max_deceleration=10)

    def events(self, follows: bool, end: float) -> list[Any]:
        late, leaves, found = self.times[0] > 0, self.times[-1] < end - 1e-9, []
        if late:
            found.append(self._event("appears", self.times[0], xosc.AddEntityAction(self.name, self.places[0])))
        if follows:
            line = xosc.Trajectory(f"{self.name} trajectory", False)
            line.add_shape(xosc.Polyline(self.times, self.places))
            action = xosc.FollowTrajectoryAction(
                line, xosc.FollowingMode.position, xosc.ReferenceContext.absolute, scale=1, offset=0
            )
            found.append(self._event("drives", self.times[0], action))
        if leaves and (follows or not self.ego):
            found.append(self._event("leaves", self.times[-1], xosc.DeleteEntityAction(self.name)))
        return found

    def _event(self, what: str, time: float, action: Any) -> Any:
        event = xosc.Event(f"{self.name} {what}", xosc.Priority.parallel)
        event.add_trigger(_at(time, f"{self.name} {what} when"))
        event.add_action(f"{self.name} {what} action", action)
        return event


def _actors(scene: Scenes) -> list[_Actor]:
    runs, found = longest_run(scene.valid)[0], []
    for row in scene.present[0].nonzero().flatten().tolist():
        steps = runs[row].nonzero().flatten().tolist()
        kind, ego = int(scene.kind[0, row]), row == int(scene.ego[0])
        length, width = scene.size[0, row].tolist()
        back = REAR_AXLE * length if kind in {VEHICLE, CYCLIST} else 0.0
        yaw = scene.yaw[0, row, steps].double()
        x, y = scene.xy[0, row, steps, 0].double() - back * yaw.cos(), scene.xy[0, row, steps, 1] - back * yaw.sin()
        states = zip(x.tolist(), y.tolist(), yaw.tolist(), strict=True)
        places = [xosc.WorldPosition(x=a, y=b, z=0, h=h, p=0, r=0) for a, b, h in states]
        speed, times = float(scene.speed[0, row, steps[0]]), [round(step * scene.dt, 9) for step in steps]
        name = "ego" if ego else f"object {row}"
        found.append(_Actor(name, kind, length, width, ego, speed, times, places))
    return found
