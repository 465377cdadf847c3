"""From a layout and a seed to a scene."""

from __future__ import annotations

import numpy as np
import shapely

from antigrad.core.errors import InputValueError
from antigrad.scenarios.layouts import LAYOUTS, Layout
from antigrad.scenarios.layouts.layout import SPACING
from antigrad.scenarios.scene import MAX_OBJECTS, PEDESTRIAN, VEHICLE, Record, Scenes
from antigrad.scenarios.synthetic.flow import Flow
from antigrad.scenarios.synthetic.network import CLOSE, Network

Tracks = dict[str, np.ndarray]
DT, WARM_UP = 0.1, 60
"""s of a step, and steps before the recording."""
BETWEEN = 9.0
"""m between bumpers at the start."""
TRIES = 300
SHOULDER, KERB, PAVEMENT = 1.0, 1.8, 3.0
"""m from the edge of the lane to the edge of the road, to the middle of a parked car, and to a pedestrian."""
WALK = 1.4
AXLE = 0.28
"""Share of a vehicle's length from its rear axle to the centre of its box: 1.3 m for 4.6 m."""
TRUCK = 6.0
"""m from which a vehicle is a truck."""
URBAN = 20.0
"""m/s of a limit below which cars park and people walk beside the road."""


def sample(count: int, agents: int = 16, seed: int = 0, states: int = 91, first: int = 0) -> list[Scenes]:
    """Scenes of all layouts in turn.

    Args:
        count: How many.
        agents: Objects of each, the ego included.
        seed: Of number 0; each next one has the next seed.
        states: Length of the logs.
        first: Number of the first; `sample(9)[3:]` is `sample(6, first=3)`.

    Returns:
        Batches of one.
    """
    names = LAYOUTS.names()
    numbers = range(first, first + count)
    return [generate(names[number % len(names)], agents, seed + number, states) for number in numbers]


def generate(layout: str = "crossing", agents: int = 16, seed: int = 0, states: int = 91) -> Scenes:
    """One scene of synthetic traffic: vehicles by the intelligent driver model, some parked, some pedestrians.

    The ego is the car that comes closest to the middle of the layout among those seen throughout.

    Args:
        layout: `crossing`, `merge`, `roundabout` or `highway`, with options in brackets.
        agents: Objects, the ego included; fewer where the roads are full.
        seed: The same seed gives the same scene.
        states: Length of the log, 0.1 s each; 91 is Waymo's.

    Returns:
        A batch of one with a road, not rasterised.

    Raises:
        InputValueError: `agents` is not from 1 to 32, or `states` not from 2 to 600, or nobody is seen so long.

    Source: ours; the driver model is Treiber, Hennecke, Helbing 2000, arXiv cond-mat/0002177.

    Example:
        >>> generate("roundabout", agents=8, seed=1).shape
        (1, 8, 91)
    """
    if not 1 <= agents <= MAX_OBJECTS or not 2 <= states <= 600:
        raise InputValueError(f"agents={agents}, states={states}", f"1 to {MAX_OBJECTS}, and 2 to 600", "16 and 91")
    plan = LAYOUTS.make(layout)
    rng = np.random.default_rng([seed, *layout.encode()])
    network = Network(tuple(plan.routes()), plan.limit)
    parked, walking = (agents // 8, agents // 10) if plan.limit < URBAN else (0, 0)
    driven = _recorded(_spawn(network, agents - parked - walking, rng), states)
    throughout = np.flatnonzero(driven["valid"].all(1))
    cars = throughout[driven["size"][throughout, 0] < TRUCK]
    throughout = cars if len(cars) else throughout
    if not len(throughout):
        raise InputValueError(f"states={states}", "a log short enough to see one vehicle throughout", "fewer states")
    near = np.hypot(*np.moveaxis(driven["xy"][throughout], -1, 0)).min(1)
    groups = [driven, _beside(network, plan, VEHICLE, parked, states, rng)]
    groups.append(_beside(network, plan, PEDESTRIAN, walking, states, rng))
    tracks = {name: np.concatenate([group[name] for group in groups]) for name in driven}
    names = [name for name, group in zip(("driven", "parked", "walking"), groups, strict=True) for _ in group["kind"]]
    record = Record(
        id=f"{layout}-{agents}-{seed}",
        source="synthetic",
        objects=tuple(f"{name} {row}" for row, name in enumerate(names)),
        areas=areas_of(network, plan.lane_width / 2 + SHOULDER),
        lanes=network.routes,
        notes={"layout": layout, "seed": seed},
    )
    return Scenes.one(record, dt=DT, ego=int(throughout[near.argmin()]), recentre=True, **tracks)


def areas_of(network: Network, reach: float) -> tuple[np.ndarray, ...]:
    """Drivable polygons: a band around each route.

    Args:
        network: The routes.
        reach: m to either side.

    Returns:
        One polygon a route, its ring closed.
    """
    bands = [shapely.LineString(route).simplify(0.02).buffer(reach, cap_style="flat") for route in network.routes]
    return tuple(np.array(band.exterior.coords) for band in bands)


def _spawn(network: Network, count: int, rng: np.random.Generator) -> Flow:
    entries = [[zone.entry for (own, _), zone in network.zones.items() if own == p] for p in range(len(network.routes))]
    room = np.minimum([min(entry, default=1e6) - 15 for entry in entries], network.lengths * 0.6)
    route, along, size, spots = np.zeros(0, int), np.zeros(0), np.zeros((0, 2)), np.zeros((0, 2))
    for _ in range(TRIES * count):
        if len(route) == count:
            break
        own = int(rng.integers(len(network.routes)))
        place, long = float(rng.uniform(5, room[own])), bool(rng.random() < 0.08)
        box = (rng.uniform(7.0, 9.5), 2.5) if long else (rng.normal(4.6, 0.25), rng.normal(1.95, 0.06))
        spot, heading, _ = network.at(own, np.array([place]))
        ahead = np.array([np.cos(heading[0]), np.sin(heading[0])])
        along_it, aside = (spots - spot) @ ahead, (spots - spot) @ np.array([-ahead[1], ahead[0]])
        if ((np.abs(along_it) > BETWEEN + (size[:, 0] + box[0]) / 2) | (np.abs(aside) > CLOSE)).all():
            route, along = np.append(route, own), np.append(along, place)
            size, spots = np.concatenate([size, [box]]), np.concatenate([spots, spot])
    want = network.limit * rng.uniform(0.8, 1.1, len(route))
    start = [network.speeds[own][int(place / SPACING)] for own, place in zip(route, along, strict=True)]
    return Flow(network, route, along, np.minimum(want, start) * 0.6, want, size)


def _recorded(flow: Flow, states: int) -> Tracks:
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for step in range(WARM_UP + states):
        if step >= WARM_UP:
            kept.append((flow.along.copy(), flow.speed.copy(), ~flow.gone))
        flow.step(DT)
    along, speed, here = (np.stack(part, 1) for part in zip(*kept, strict=True))
    ahead = AXLE * flow.size[:, 0]  # the rear axle follows the lane, the centre of the box lies ahead of it
    rears = [flow.network.at(int(r), own - d) for r, own, d in zip(flow.route, along, ahead, strict=True)]
    rear, yaw, bend = (np.stack(part) for part in zip(*rears, strict=True))
    forward = np.stack([np.cos(yaw), np.sin(yaw)], -1)
    across = np.stack([-forward[..., 1], forward[..., 0]], -1)
    return {
        "xy": rear + ahead[:, None, None] * forward,
        "yaw": yaw,
        "vel": speed[..., None] * (forward + (bend * ahead[:, None])[..., None] * across),
        "valid": here,
        "size": flow.size,
        "kind": np.full(len(yaw), VEHICLE),
    }


def _beside(network: Network, plan: Layout, kind: int, count: int, states: int, rng: np.random.Generator) -> Tracks:
    """Cars parked at the kerb, or people who walk along the pavement."""  # noqa: DOC201
    aside = plan.lane_width / 2 + (KERB if kind == VEHICLE else PAVEMENT)
    xy, yaw, spots = np.zeros((count, states, 2)), np.zeros((count, states)), np.zeros((0, 2))
    routes = np.concatenate(network.routes)
    speed = 0.0 if kind == VEHICLE else WALK
    row = 0
    while row < count:
        own = int(rng.integers(len(network.routes)))
        place = float(rng.uniform(20, network.lengths[own] - 20))
        lane, heading, _ = network.at(own, np.array([place]))
        around = network.headings[own][int((place - 15) / SPACING) : int((place + 15) / SPACING)]
        spot = lane[0] + aside * np.array([np.sin(heading[0]), -np.cos(heading[0])])
        clear = np.hypot(*(routes - spot).T).min() > aside - 0.1 and np.ptp(around) < 0.02  # nobody turns there
        if clear and (np.hypot(*(spots - spot).T) > 7).all():
            ahead = np.array([np.cos(heading[0]), np.sin(heading[0])])
            xy[row] = spot + speed * DT * np.arange(states)[:, None] * ahead
            yaw[row], spots, row = heading[0], np.concatenate([spots, spot[None]]), row + 1
    return {
        "xy": xy,
        "yaw": yaw,
        "vel": speed * np.stack([np.cos(yaw), np.sin(yaw)], -1),
        "valid": np.ones((count, states), bool),
        "size": np.tile((4.6, 1.95) if kind == VEHICLE else (0.7, 0.7), (count, 1)),
        "kind": np.full(count, kind),
    }
