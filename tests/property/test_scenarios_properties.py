"""Over random traffic: the roll-out is additive in time, the gap is a distance, windows hold what they promise."""

import json
import math
from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from antigrad.core.ledger import to_json
from antigrad.geometry.rows import row_effects, row_interaction, row_windows
from antigrad.scenarios.attack import attack
from antigrad.scenarios.certificate import certify
from antigrad.scenarios.dynamics import MAX_ACCELERATION, MAX_CURVATURE, States, roll_out
from antigrad.scenarios.gap import Box, corner_edge, gap, separation
from antigrad.scenarios.metrics import TRAFFIC_METRICS
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.recipe import preset
from antigrad.scenarios.scenario.rows import rows_of_outcome
from antigrad.scenarios.tools import Tools
from helpers.traffic import Car, scene, traffic_of, view_of

number = st.floats(-50, 50, allow_nan=False)
angle = st.floats(-10, 10, allow_nan=False)
length = st.floats(0.3, 20)
box = st.tuples(number, number, angle, length, length)
action = st.tuples(st.floats(-20, 20), st.floats(-2, 2))


def made(values: tuple[float, ...]) -> Box:
    x, y, yaw, long, wide = (torch.tensor(value, dtype=torch.float64) for value in values)
    return Box(x, y, yaw.cos(), yaw.sin(), long / 2, wide / 2)


def start(x: float, yaw: float, speed: float) -> States:
    return States(*(torch.tensor([value], dtype=torch.float64) for value in (x, -x, yaw, speed)))


@given(number, angle, st.floats(0, 30), st.lists(action, min_size=2, max_size=30), st.data())
def test_a_drive_in_two_parts_is_the_same_drive(
    x: float, yaw: float, speed: float, actions: list[tuple[float, float]], data: st.DataObject
) -> None:
    both = torch.tensor(actions, dtype=torch.float64).T[:, None]
    cut = data.draw(st.integers(1, len(actions) - 1))
    whole = roll_out(start(x, yaw, speed), both)
    first = roll_out(start(x, yaw, speed), both[..., :cut])
    second = roll_out(States(*(value[..., -1] for value in first)), both[..., cut:])
    for one, two in zip(whole, second, strict=True):
        torch.testing.assert_close(one[..., cut:], two, atol=1e-9, rtol=0)


@given(number, angle, st.floats(0, 30), st.lists(action, min_size=1, max_size=30))
def test_bounds_of_what_a_vehicle_can_do(
    x: float, yaw: float, speed: float, actions: list[tuple[float, float]]
) -> None:
    states = roll_out(start(x, yaw, speed), torch.tensor(actions, dtype=torch.float64).T[:, None])
    driven = torch.hypot(states.x.diff(), states.y.diff())
    assert float(states.speed.min()) >= 0
    assert float(states.speed.diff().abs().max()) <= 0.1 * MAX_ACCELERATION + 1e-9
    assert bool((states.yaw.diff().abs() <= MAX_CURVATURE * driven + 1e-9).all())
    assert bool((driven <= 0.05 * (states.speed[..., 1:] + states.speed[..., :-1]) + 1e-9).all())


@given(box, box)
def test_the_gap_is_symmetric_and_between_its_bounds(one: tuple[float, ...], two: tuple[float, ...]) -> None:
    a, b = made(one), made(two)
    found = float(gap(a, b))
    assert abs(found - float(gap(b, a))) < 1e-9
    centres = math.hypot(one[0] - two[0], one[1] - two[1])
    assert found <= centres
    assert found >= centres - float(a.radius + b.radius) - 1e-9
    assert (found <= 0) == (float(separation(a, b)) <= 0)
    assert float(corner_edge(a, b)) >= found - 1e-9


@given(box, st.floats(0, 6.28), st.floats(0.01, 30))
def test_moving_away_along_the_axis_of_the_gap_opens_it_as_much(one: tuple[float, ...], way: float, far: float) -> None:
    a = made(one)
    reach = 2 * float(a.radius) + 1
    b = a._replace(x=a.x + reach * math.cos(way), y=a.y + reach * math.sin(way))
    c = a._replace(x=a.x + (reach + far) * math.cos(way), y=a.y + (reach + far) * math.sin(way))
    near, farther = float(gap(a, b)), float(gap(a, c))
    assert near < farther <= near + far + 1e-9


@given(st.lists(st.lists(st.floats(-5, 5), min_size=6, max_size=6), min_size=2, max_size=2))
def test_a_weight_in_the_window_helps_both_parts(values: list[list[float]]) -> None:
    up, down = (torch.tensor([value], dtype=torch.float64) for value in values)
    table = row_interaction({"up": up, "down": down})
    windows = row_windows(table)
    weight = windows.weight()
    if (
        not bool(windows.low < weight)
        or not bool(weight < windows.high)
        or min(float(table[0, 0, 0]), float(table[0, 1, 1])) < 1e-6
    ):
        return
    gained = row_effects(up + weight[:, None] * down, {"up": up, "down": down})
    size = float(table.abs().max()) * (1 + float(weight))
    assert float(gained["up"]) > -1e-9 * size
    assert float(gained["down"]) > -1e-9 * size


@given(st.floats(-60, 60), st.floats(-20, 20), angle, st.floats(0, 20), st.floats(0, 20))
def test_time_to_collision_is_when_the_boxes_touch(x: float, y: float, yaw: float, speed: float, own: float) -> None:
    view = view_of(*traffic_of(scene(Car(speed=own), Car(x=x, y=y, yaw=yaw, speed=speed), steps=2)))
    found = TRAFFIC_METRICS.make("time_to_collision")(view)
    if not bool(found.valid[0, 0, 0]):
        return
    time = float(found.value[0, 0, 0])
    ego, other = (b.map(lambda v: v[0, 0, :1]) for b in (view.ego_box, view.moved))

    def apart(at: float) -> float:
        one = ego._replace(x=ego.x + own * at)
        two = other._replace(x=other.x + speed * other.cos * at, y=other.y + speed * other.sin * at)
        return float(separation(one, two))

    assert apart(time) < 1e-6 * (1 + time)
    if time > 0:
        assert all(apart(time * share) > -1e-6 * (1 + time) for share in (0.0, 0.3, 0.6, 0.9, 0.99))


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 40), st.sampled_from(["regents_fixed", "regents_released", "king"]))
def test_no_pattern_of_validity_breaks_an_attack(seed: int, steps: int, name: str) -> None:
    """Random tracks with gaps, an ego that is not always seen, cars without a size, short logs."""
    random = torch.Generator().manual_seed(seed)
    rows = torch.rand(6, 4, generator=random).tolist()
    cars = [
        Car(x=60 * a - 30, y=20 * b - 10, yaw=7 * c, speed=15 * d, kind=1 + (n == 5))
        for n, (a, b, c, d) in enumerate(rows)
    ]
    made = scene(*cars, steps=steps, half_road=5.0)
    gone = torch.rand(made.valid.shape, generator=random) < 0.15
    valid = made.valid & ~gone
    size = made.size.clone()
    size[0, 4] = 0.0
    made = replace(
        made,
        valid=valid,
        xy=made.xy * valid[..., None],
        yaw=made.yaw * valid,
        vel=made.vel * valid[..., None],
        size=size,
    )
    tools = Tools.of(preset(name, {"iterations": 3, "steering": []}), make_planner("idm"))
    found = attack(tools, made)
    assert bool(found.actions.isfinite().all())
    assert bool(found.states.x.isfinite().all() & found.ego.x.isfinite().all())
    assert set(found.status) <= {"hit", "no hit", "contact at the start"}
    hits = [row for row, status in enumerate(found.status) if status == "hit"]
    certificates = dict(
        zip(hits, certify(found.view, hits, found.striker[hits].tolist(), found.hit_step[hits].tolist()), strict=True)
    )
    for row in rows_of_outcome(tools, found, made, certificates):
        json.dumps(to_json(row), allow_nan=False)
