"""Rules of whom an attack may move: the released tests' errors, and that ours are without them."""

import math

import pytest
import torch

from antigrad.core.errors import InputValueError
from antigrad.scenarios.scene import Scenes
from antigrad.scenarios.steering import STEERING, Recording
from antigrad.scenarios.steering.diverging import diverges
from antigrad.scenarios.traffic import View
from antigrad.scenarios.vehicles import VEHICLES
from helpers.traffic import Car, scene, traffic_of, view_of


def kept(spec: str, scenes: Scenes) -> list[bool]:
    return STEERING.make(spec).keeps(Recording.of(scenes, VEHICLES.make("no_reverse")))[0, 1:].tolist()


@pytest.mark.parametrize(
    ("bearing", "yaw", "released", "paper"),
    [
        (5, 10, True, True),
        (10, 5, False, False),
        (-5, 10, False, False),
        (5, 0, False, False),
        (5, 60, True, False),
        (-5, -10, True, True),
    ],
)
def test_diverging_table(bearing: float, yaw: float, released: bool, paper: bool) -> None:
    at, turned = torch.tensor(math.radians(bearing)), torch.tensor(math.radians(yaw))
    assert bool(diverges(at, turned, math.pi / 8, math.pi / 2)) == released
    assert bool(diverges(at, turned, math.pi / 8, math.pi / 8)) == paper


@pytest.mark.parametrize(("bearing", "behind"), [(180, True), (160, True), (150, False), (-170, True)])
def test_behind_is_a_matter_of_place(bearing: float, behind: bool) -> None:
    at = math.radians(bearing)
    made = scene(Car(), Car(x=30 * math.cos(at), y=30 * math.sin(at)))
    assert kept("behind", made) == [not behind]


def test_behind_counts_valid_steps_only() -> None:
    """Released, steps on which the car was not seen count as not behind."""
    made = scene(Car(x=-100), Car(x=-120, first=0, last=25), steps=41)  # an absent car counts as at the origin, ahead
    assert kept("behind", made) == [False]
    assert kept("behind(valid_only=false)", made) == [True]


def test_static_by_raw_ends_takes_absent_parked_cars_for_movers_and_hides_moving_ones() -> None:
    made = scene(
        Car(),
        Car(x=30, y=8, speed=0, last=20),
        Car(x=0.0, y=8, speed=3, first=5, last=30),
        Car(x=20, y=4, speed=0),
        steps=41,
    )
    assert kept("static(raw=true,speed=0)", made) == [True, False, False]
    assert kept("static", made) == [False, True, False]


def test_static_is_not_fooled_by_jitter() -> None:
    made = scene(Car(), Car(x=20, y=5, speed=0), steps=41)
    made.xy[0, 1, :, 0] += torch.linspace(0, 0.3, 41)  # a parked car's track drifts by 30 cm
    made.vel[0, 1, :, 0] = 0.07
    assert kept("static(speed=0)", made) == [True]
    assert kept("static", made) == [False]


def test_vehicles_seen_and_drift() -> None:
    made = scene(Car(), Car(y=5, kind=2), Car(y=9, last=15), Car(y=13), Car(y=17), steps=41)
    made.xy[0, 4, 20:, 1] += 3.0  # a jump that no vehicle follows
    assert kept("vehicles", made) == [False, True, True, True]
    assert kept("seen", made) == [True, False, True, True]
    assert kept("drift", made) == [True, True, True, False]
    assert kept("drift(most=5)", made) == [True, True, True, True]


def diverging_view() -> View:
    made = scene(Car(speed=10), Car(x=20, y=2, yaw=0.2, speed=10), Car(x=20, y=-2, yaw=0.2, speed=10), steps=11)
    return view_of(*traffic_of(made))


def test_diverging_freezes_steering_not_acceleration() -> None:
    scale = STEERING.make("diverging").scale(diverging_view())
    assert scale[0, 0].tolist() == [1.0, 1.0]
    assert scale[1, 0].tolist() == [0.0, 1.0]  # the second comes towards the ego's path
    assert STEERING.make("diverging").before_moments
    assert not STEERING.make("diverging(before=false)").before_moments


def test_half_steer_halves_the_second_channel() -> None:
    assert STEERING.make("half_steer").scale(diverging_view())[:, 0, 0].tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    "spec", ["seen(share=2)", "drift(most=0)", "diverging(window=0)", "diverging(share=1)", "half_steer(factor=-1)"]
)
def test_bad_options_are_refused(spec: str) -> None:
    with pytest.raises(InputValueError):
        STEERING.make(spec)
