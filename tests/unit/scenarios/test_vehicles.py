"""Vehicle models: the published step equations, KING's creep, and how well a log is followed."""

import math

import numpy as np
import pytest
import torch

from antigrad.core.errors import InputValueError
from antigrad.scenarios.dynamics import States, clip
from antigrad.scenarios.scene import Record, Scenes
from antigrad.scenarios.traffic import recorded
from antigrad.scenarios.vehicles import VEHICLES, Log
from helpers.data import shared
from helpers.traffic import Car, oracle, scene, traffic_of

F64 = {"dtype": torch.float64}


def log_of(speed: float, steps: int, dt: float = 0.1) -> Log:
    zero = torch.zeros(1, steps + 1, **F64)
    return Log(States(zero, zero, zero, zero + speed), zero, torch.ones(1, steps, dtype=torch.bool), dt)


def published(start: States, actions: torch.Tensor, dt: float = 0.1) -> States:
    """The simulator's step equations, one after the other."""
    x, y, yaw, v = start
    vx, vy = v * yaw.cos(), v * yaw.sin()
    out = [start]
    for a, k in zip(*clip(actions).unbind(0)[0:2], strict=True) if actions.ndim == 2 else _steps(actions):
        s = torch.hypot(vx, vy)
        x, y = x + vx * dt + 0.5 * a * yaw.cos() * dt**2, y + vy * dt + 0.5 * a * yaw.sin() * dt**2
        yaw = yaw + k * (s * dt + 0.5 * a * dt**2)
        v = s + a * dt
        vx, vy = v * yaw.cos(), v * yaw.sin()
        out.append(States(x, y, yaw, v))
    return States(*(torch.stack(list(column), -1) for column in zip(*out, strict=True)))


def _steps(actions: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    a, k = clip(actions).unbind(0)
    return [(a[..., t], k[..., t]) for t in range(a.shape[-1])]


def test_reflection_fixture() -> None:
    actions = torch.tensor([[[-6.0, -6.0, 0.0, 2.0, 2.0]], [[0.0] * 5]], **F64)
    states = VEHICLES.make("reflecting").roll(log_of(0.5, 5), actions)
    assert states.speed[0, 1:].tolist() == pytest.approx([-0.1, -0.5, 0.5, 0.7, 0.9])
    assert states.x[0, 1:].tolist() == pytest.approx([0.02, -0.02, -0.07, -0.01, 0.07])


@pytest.mark.parametrize("name", ["reflecting", "no_reverse"])
def test_equals_the_published_steps(name: str) -> None:
    """`no_reverse` while the speed stays above zero, `reflecting` whatever happens."""
    torch.manual_seed(0)
    size, first = (4.0, 0.25, 0.5) if name == "reflecting" else (0.3, 0.02, 8.0), 64
    actions = torch.stack([size[0] * torch.randn(first, 80, **F64), size[1] * torch.randn(first, 80, **F64)])
    start = States(*(torch.randn(first, **F64) for _ in range(3)), size[2] * (1 + torch.rand(first, **F64)))
    held = States(*(value[:, None].expand(first, 81) for value in start))
    log = Log(held, held.yaw, torch.ones(first, 80, dtype=torch.bool), 0.1)
    mine, theirs = VEHICLES.make(name).roll(log, actions), published(start, actions)
    assert float(theirs.speed.min()) < 0 or name == "no_reverse"
    for one, two in zip(mine, theirs, strict=True):
        assert float((one - two).abs().max()) < 1e-10


def test_reflecting_gradient_equals_that_of_the_steps() -> None:
    torch.manual_seed(0)
    actions = torch.stack([4 * torch.randn(8, 30, **F64), 0.2 * torch.randn(8, 30, **F64)])
    start = States(*(torch.randn(8, **F64) for _ in range(3)), 0.5 + torch.rand(8, **F64))
    held = States(*(value[:, None].expand(8, 31) for value in start))
    log = Log(held, held.yaw, torch.ones(8, 30, dtype=torch.bool), 0.1)
    weight = torch.randn(4, 8, 31, **F64)
    grads = []
    for drive in (lambda u: VEHICLES.make("reflecting").roll(log, u), lambda u: published(start, u)):
        leaf = actions.clone().requires_grad_()
        grads.append(torch.autograd.grad((torch.stack(tuple(drive(leaf))) * weight).sum(), leaf)[0])
    assert float((grads[0] - grads[1]).norm() / grads[1].norm()) < 1e-10


def test_king_creeps_when_parked() -> None:
    """The soft stop adds ln(n+1)/7 m/s in n steps, as released."""
    still = torch.zeros(2, 1, 80, **F64)
    still[0] -= 1e-3  # the throttle's tanh has this offset
    states = VEHICLES.make("king").roll(log_of(0.0, 80, 0.25), still)
    assert float(states.speed[0, -1]) == pytest.approx(math.log(81) / 7, abs=1e-9)
    assert float(states.x[0, -1]) == pytest.approx(9.7740401531, abs=1e-9)
    parked = VEHICLES.make("no_reverse").roll(log_of(0.0, 80, 0.25), torch.zeros(2, 1, 80, **F64))
    assert float(parked.x[0, -1]) == 0


def test_king_steers_left_and_brakes_harder_than_it_accelerates() -> None:
    king, log = VEHICLES.make("king"), log_of(8.0, 10)
    full = torch.full((2, 1, 10), 20.0, **F64)
    ahead = king.roll(log, full)
    assert float(ahead.yaw[0, -1]) > 0.1
    assert float(ahead.speed[0, -1]) == pytest.approx(8 + 0.56338, abs=1e-3)
    assert float(king.roll(log, -full).speed[0, -1]) == pytest.approx(8 - 4.9524, abs=1e-3)


@pytest.mark.parametrize("name", VEHICLES.names())
def test_a_drive_of_its_own_is_followed(name: str) -> None:
    """Actions of a log that the model itself drove lead along it again."""
    torch.manual_seed(0)
    vehicle, log = VEHICLES.make(name), log_of(8.0, 40)
    size = (0.5, 0.05) if name == "king" else (0.4, 0.01)
    actions = torch.stack([scale * torch.randn(1, 40, **F64) for scale in size])
    driven = vehicle.roll(log, actions)
    again = Log(driven, driven.yaw, log.mask, 0.1)
    found = vehicle.roll(again, vehicle.actions_of(again))
    assert float(torch.hypot(found.x - driven.x, found.y - driven.y).max()) < 1e-3


def test_slow_vehicles_do_not_turn_on_the_spot() -> None:
    log = log_of(0.1, 5)
    turned = log.states._replace(yaw=torch.linspace(0, 3, 6, **F64)[None])
    actions = VEHICLES.make("no_reverse").actions_of(Log(turned, turned.yaw, log.mask, 0.1))
    assert bool((actions[1] == 0).all())


def test_each_object_is_simulated_on_its_longest_run() -> None:
    made = scene(Car(), Car(y=4), steps=20)
    made.valid[0, 1, :3] = True
    made.valid[0, 1, 3:5] = False
    made.xy[0, 1, 3:5] = 0
    log, live = recorded(made)
    assert live[0, 1].nonzero()[:, 0].tolist() == list(range(5, 20))
    assert log.mask[0, 1].nonzero()[:, 0].tolist() == list(range(5, 19))
    assert float(log.states.x[0, 1, 0]) == float(made.xy[0, 1, 5, 0])  # held before the run
    traffic, _ = traffic_of(made)
    drift = torch.hypot(traffic.driven.x - traffic.log.states.x, traffic.driven.y - traffic.log.states.y)
    assert float(drift.max()) < 1e-9


def test_bad_options_are_refused() -> None:
    with pytest.raises(InputValueError, match="slow"):
        VEHICLES.make("no_reverse(slow=0)")


def test_packed_scenes_are_reconstructed() -> None:
    """Table of the specification; the open loop drifts by tens of metres."""
    reader = oracle("scene_io")
    shared("scenarios/womd_gpudrive_json_xz")
    errors: dict[bool, list[torch.Tensor]] = {True: [], False: []}
    for file in reader.womd_files(reader.DATA):
        one = reader.load_json(file)
        cars = one.kind == 1
        parts = {
            name: torch.from_numpy(np.ascontiguousarray(getattr(one, name)[cars])) for name in ("xy", "yaw", "vel")
        }
        scenes = Scenes(
            **{name: value[None] for name, value in parts.items()},
            size=torch.from_numpy(one.size[cars])[None],
            valid=torch.from_numpy(one.valid[cars])[None],
            kind=torch.ones(1, int(cars.sum()), dtype=torch.long),
            ego=torch.zeros(1, dtype=torch.long),
            dt=0.1,
            records=(Record(one.id),),
        )
        log, live = recorded(scenes)
        for closed in (True, False):
            vehicle = VEHICLES.make(f"no_reverse(closed={str(closed).lower()})")
            states = vehicle.roll(log, vehicle.actions_of(log))
            error = torch.hypot(states.x - log.states.x, states.y - log.states.y)
            errors[closed].append(error[..., 1:][live[..., 1:]])
    closed, opened = (torch.cat(errors[kind]).sort().values for kind in (True, False))

    def quantile(values: torch.Tensor, share: float) -> float:
        return float(values[round(share * (len(values) - 1))])

    assert quantile(closed, 0.5) < 0.001
    assert quantile(closed, 0.95) == pytest.approx(0.517, abs=0.01)
    assert quantile(closed, 0.99) == pytest.approx(1.468, abs=0.05)
    assert quantile(opened, 0.99) > 10 * quantile(closed, 0.99)
