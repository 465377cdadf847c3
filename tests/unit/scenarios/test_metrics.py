"""Metrics of criticality against numbers worked out by hand, and TTC against stepping time forward."""

import math

import pytest
import torch

from antigrad.scenarios.gap import separation
from antigrad.scenarios.metrics import TRAFFIC_METRICS, Reading
from helpers.traffic import Car, scene, traffic_of, view_of


def reading(name: str, *cars: Car, ego: Car | None = None, steps: int = 31, half_road: float | None = None) -> Reading:
    made = scene(ego or Car(speed=10), *cars, steps=steps, half_road=half_road)
    return TRAFFIC_METRICS.make(name)(view_of(*traffic_of(made)))


def first(name: str, *cars: Car, **more: object) -> float | None:
    found = reading(name, *cars, **more)  # type: ignore[arg-type]
    return float(found.value[0, 0, 0]) if bool(found.valid[0, 0, 0]) else None


def test_behind_a_slower_car() -> None:
    """24.5 m ahead from centre to centre: 20 m of room, 4 m/s faster."""
    car = Car(x=24.5, speed=6)
    assert first("ego_gap", car) == pytest.approx(20.0)
    assert first("closing_speed", car) == pytest.approx(4.0)
    assert first("time_to_collision", car) == pytest.approx(5.0)
    assert first("required_deceleration", car) == pytest.approx(16 / 40)
    assert first("time_headway", car) == pytest.approx(2.0)


def test_what_parts_has_no_time_to_collision() -> None:
    car = Car(x=24.5, speed=14)
    assert first("time_to_collision", car) is None
    assert first("required_deceleration", car) is None
    assert first("closing_speed", car) == pytest.approx(-4.0)


def test_passing_in_the_next_lane_is_no_collision() -> None:
    """A course of centre points, or circles, would call it one."""
    assert first("time_to_collision", Car(x=40, y=3.0, yaw=math.pi, speed=10)) is None
    assert first("time_to_collision", Car(x=40, y=1.9, yaw=math.pi, speed=10)) == pytest.approx(35.5 / 20)
    assert first("time_headway", Car(x=24.5, y=3.0)) is None


def test_overlap_is_zero_time() -> None:
    assert first("time_to_collision", Car(x=3)) == 0
    assert first("ego_gap", Car(x=3)) == pytest.approx(-1.5)


def test_time_to_collision_equals_stepping_forward() -> None:
    torch.manual_seed(0)
    cars = [
        Car(x=float(x), y=float(y), yaw=float(yaw), speed=float(v))
        for x, y, yaw, v in torch.rand(40, 4) * torch.tensor([60.0, 30, 6.28, 15]) - torch.tensor([20.0, 15, 0, 0])
    ]
    made = scene(Car(speed=10), *cars, steps=3)
    view = view_of(*traffic_of(made))
    found = TRAFFIC_METRICS.make("time_to_collision")(view)
    time = torch.linspace(0, 20, 20001, dtype=torch.float64)
    hits = 0
    for number in range(40):
        own, other = (box.map(lambda v, n=n: v[0, n, :1]) for box, n in ((view.ego_box, 0), (view.moved, number)))
        ego = own._replace(x=own.x + 10 * time)
        his = other._replace(
            x=other.x + cars[number].speed * other.cos * time, y=other.y + cars[number].speed * other.sin * time
        )
        touch = (separation(ego, his) <= 0).nonzero()
        if len(touch):
            hits += 1
            assert bool(found.valid[0, number, 0])
            assert float(found.value[0, number, 0]) == pytest.approx(float(time[touch[0, 0]]), abs=1.1e-3)
        else:
            assert not bool(found.valid[0, number, 0])
    assert 3 < hits < 37


def test_post_encroachment_by_hand() -> None:
    """The ego's rear leaves the crossing at 1.45 s; the other's front gets there later."""
    crossing = Car(x=11, y=-18.25, yaw=math.pi / 2, speed=10)
    found = reading("post_encroachment", crossing, steps=41)
    worst = float(found.worst("low")[0, 0])
    # Its front passes y = -1 at 1.5 s; the ego's box leaves x = 12 (the other's side) at 1.425 s.
    assert worst == pytest.approx(0.1, abs=0.11)
    later = reading("post_encroachment", Car(x=11, y=-28.25, yaw=math.pi / 2, speed=10), steps=41)
    assert float(later.worst("low")[0, 0]) == pytest.approx(worst + 1.0, abs=1e-6)
    assert not bool(reading("post_encroachment", Car(y=30)).valid.any())


def test_comfort_of_an_attack() -> None:
    made = scene(Car(), Car(y=9), steps=11)
    traffic, vehicle = traffic_of(made)
    actions = vehicle.actions_of(traffic.log)
    actions[0, 0, 0, 4] = -5.0
    actions[1, 0, 0, 7:] = 0.02
    view = view_of(traffic, vehicle, actions)
    measured = {
        name: TRAFFIC_METRICS.make(name)(view)
        for name in ("acceleration", "jerk", "lateral_acceleration", "log_deviation")
    }
    assert float(measured["acceleration"].worst("high")[0, 0]) == pytest.approx(5.0)
    assert measured["acceleration"].value[0, 0].argmax() == 5
    assert float(measured["jerk"].worst("high")[0, 0]) == pytest.approx(50.0)
    assert float(measured["lateral_acceleration"].worst("high")[0, 0]) == pytest.approx(9.5**2 * 0.02, rel=1e-6)
    assert float(measured["log_deviation"].value[0, 0, 5]) == pytest.approx(0.025)


def test_third_gap_and_off_road() -> None:
    found = reading("third_gap", Car(x=20, speed=5), Car(x=30, y=3.5, speed=0), Car(x=25.5, speed=5))
    assert float(found.value[0, 0, 0]) == pytest.approx(1.0)
    assert float(reading("third_gap", Car(x=20)).worst("low")[0, 0]) == 20.0
    off = reading("off_road", Car(x=20, y=5), half_road=5.0)
    assert float(off.worst("high")[0, 0]) == pytest.approx(1.0)
    assert not bool(reading("off_road", Car(x=20, y=5)).valid.any())


def test_worst_counts_valid_steps_up_to_the_contact() -> None:
    value = torch.tensor([[[3.0, 1.0, 2.0, 0.5]]])
    found = Reading(value, torch.tensor([[[True, False, True, True]]]))
    assert float(found.worst("low")[0, 0]) == 0.5
    assert float(found.worst("low", torch.tensor([2]))[0, 0]) == 2.0
    assert float(found.worst("high")[0, 0]) == 3.0
    assert math.isnan(float(Reading(value, torch.zeros_like(value).bool()).worst("low")[0, 0]))


def test_metrics_respect_validity() -> None:
    made = scene(Car(), Car(x=20, first=5, last=20), steps=31)
    view = view_of(*traffic_of(made))
    for name, kind in TRAFFIC_METRICS.classes.items():
        valid = kind()(view).valid[0, 0]
        assert not bool(valid[:5].any()), name
        assert not bool(valid[20:].any()), name
