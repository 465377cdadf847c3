"""Planners: what they do in front of an obstacle, and what becomes of a user's own that raises or hangs."""

import time
from pathlib import Path

import pytest
import torch

from antigrad.core.errors import InputValueError
from antigrad.scenarios.gap import boxes, gap
from antigrad.scenarios.planners import PLANNERS, Drive, make_planner
from helpers.traffic import Car, scene, traffic_of, view_of

OWN = """
import os, time
import numpy as np

def straight(ego, others, route):
    print("said aloud")
    assert ego.shape == (4,) and others.shape[1] == 7 and route.shape[1] == 2
    return 0.0, 0.0

def careful(ego, others, route):
    ahead = others[:, 0] - ego[0]
    return (-6.0 if ((ahead > 0) & (ahead < 40)).any() else 0.0), 0.0

def peeking(ego, others, route):
    assert len(others) == 1
    return others[0, 3] / 100, 0.0

def raises(ego, others, route):
    raise RuntimeError("no idea")

def hangs(ego, others, route):
    time.sleep(60)

def dies(ego, others, route):
    os._exit(3)

def wrong(ego, others, route):
    return float("nan"), 0.0
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_planner.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)


def drive(spec: str, *cars: Car, deadline: float = 20.0) -> tuple[Drive, torch.Tensor]:
    """What the planner does behind the given cars, and its gap to the first of them over time."""
    traffic, vehicle = traffic_of(scene(Car(speed=10), *cars, steps=61))
    view = view_of(traffic, vehicle)
    planner = make_planner(spec, deadline)
    found = planner.drive(view, planner.prepare(traffic))
    return found, gap(boxes(found.states, traffic.ego_size), view.moved.map(lambda value: value[:, 0]))[0]


@pytest.mark.parametrize(
    ("spec", "safe"), [("log_replay", False), ("constant_velocity", False), ("idm", True), ("follower", True)]
)
def test_in_front_of_a_standing_car(spec: str, safe: bool) -> None:
    found, room = drive(spec, Car(x=45, speed=0))
    assert bool((room > 0).all()) == safe
    assert not found.problems
    if safe:
        assert float(found.states.speed[0, -1]) < 1.5


@pytest.mark.parametrize("spec", [name for name in PLANNERS.names() if name != "external"])
def test_on_a_free_road_the_record_is_driven(spec: str) -> None:
    found, _ = drive(spec, Car(x=0, y=30))
    assert found.states.x[0].tolist() == pytest.approx([t * 1.0 for t in range(61)], abs=0.05)
    assert float(found.states.y.abs().max()) < 1e-6


@pytest.mark.parametrize("spec", ["idm", "follower"])
def test_an_ego_can_brake(spec: str) -> None:
    """6 m/s² in front of a car that stands; the released ego has 1 m/s² at most."""
    found, _ = drive(spec, Car(x=20, speed=0))
    assert float(found.states.speed[0].diff().min()) == pytest.approx(-0.6, abs=1e-6)


def test_idm_follows_at_its_headway() -> None:
    found, room = drive("idm", Car(x=30, speed=6))
    assert float(found.states.speed[0, -1]) == pytest.approx(6, abs=1.5)
    assert float(room[-1]) > 2 + 1.5 * 5


def test_idm_ignores_what_is_beside_its_path() -> None:
    clear, _ = drive("idm", Car(x=45, y=4, speed=0))
    assert float(clear.states.speed[0, -1]) == pytest.approx(10)


@pytest.mark.parametrize("spec", ["idm(headway=0)", "follower(horizon=0)", "no_such", "a b:c", ":x"])
def test_bad_specs_are_refused(spec: str) -> None:
    with pytest.raises(InputValueError):
        make_planner(spec)


def test_planners_are_causal() -> None:
    """What happens after a step changes nothing before it."""
    for spec in ("idm", "follower"):
        planner = make_planner(spec)
        found = []
        for late in (0.0, -6.0):
            traffic, vehicle = traffic_of(scene(Car(speed=10), Car(x=30, speed=10), steps=41))
            actions = vehicle.actions_of(traffic.log)
            actions[0, ..., 20:] = late
            view = view_of(traffic, vehicle, actions)
            found.append(planner.drive(view, planner.prepare(traffic)).states.speed[0])
        assert found[0][:21].tolist() == pytest.approx(found[1][:21].tolist(), abs=1e-12)
        assert abs(float(found[0][-1] - found[1][-1])) > 0.1


@pytest.mark.usefixtures("own")
def test_a_planner_of_ones_own_drives() -> None:
    straight, _ = drive("own_planner:straight", Car(x=60, speed=0))
    assert not straight.problems
    assert float(straight.states.x[0, -1]) == pytest.approx(60)
    careful, room = drive("own_planner:careful", Car(x=60, speed=0))
    assert bool((room > 0).all())
    assert float(careful.states.speed[0, -1]) == 0


@pytest.mark.usefixtures("own")
def test_it_sees_only_what_is_there_now() -> None:
    made = scene(Car(speed=10), Car(y=30, speed=20), Car(y=40, first=30), steps=21)
    traffic, vehicle = traffic_of(made, movers=[1])
    found = make_planner("own_planner:peeking").drive(view_of(traffic, vehicle), ())
    assert not found.problems
    assert float(found.states.speed[0, -1]) == pytest.approx(10 + 20 * 0.1 * 0.2)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("raises", "RuntimeError: no idea"),
        ("dies", "without an answer"),
        ("wrong", "answered .nan"),
        ("missing", "AttributeError"),
        ("hangs", "longer than 0.5 s"),
    ],
)
def test_what_goes_wrong_is_told_of_the_row(name: str, text: str) -> None:
    begun = time.monotonic()
    found, _ = drive(f"own_planner:{name}", Car(x=60, speed=0), deadline=0.5)
    assert time.monotonic() - begun < 20
    assert set(found.problems) == {0}
    assert __import__("re").search(text, found.problems[0])
    assert bool(found.states.x.isfinite().all())
