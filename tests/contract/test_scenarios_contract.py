"""What every cost, metric, rule, planner and vehicle keeps to; a new one is tested without an edit here."""

import re
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import Any

import pytest
import torch

from antigrad.core.catalog import Catalog
from antigrad.scenarios.costs import COSTS
from antigrad.scenarios.metrics import TRAFFIC_METRICS
from antigrad.scenarios.planners import PLANNERS
from antigrad.scenarios.scene import Scenes
from antigrad.scenarios.steering import STEERING, Recording
from antigrad.scenarios.traffic import Traffic, View, rows_of
from antigrad.scenarios.vehicles import VEHICLES, Vehicle
from helpers.traffic import Car, scene, straight_road

CATALOGS: list[Catalog[Any]] = [COSTS, TRAFFIC_METRICS, STEERING, PLANNERS, VEHICLES]
METHODS = [(catalog, name) for catalog in CATALOGS for name in catalog.names()]
CARS = (
    Car(speed=9),
    Car(x=14, y=1.9, yaw=0.05, speed=8),
    Car(x=-9, y=3.3, speed=11, first=4, last=30),
    Car(x=9, y=4.9, speed=0),
    Car(x=22, y=-3, speed=1.5, kind=2, size=(0.9, 0.8)),
    Car(x=-40, y=0.5, speed=9),
)


def made(*cars: Car, steps: int = 31) -> Scenes:
    return replace(scene(*cars, steps=steps), road=straight_road(4.5))


def rows(scenes: Scenes, jobs: Any = "candidate") -> tuple[Traffic, Vehicle]:
    vehicle = VEHICLES.make("no_reverse")
    chosen = (scenes.kind == 1) & scenes.present & (scenes.speed.amax(-1) > 1)
    chosen[:, 0] = False
    return rows_of(scenes, chosen, vehicle, jobs), vehicle


def pushed(traffic: Traffic, vehicle: Vehicle) -> View:
    """The rows a little off their log, the same push for the same object wherever it stands."""
    actions = vehicle.actions_of(traffic.log)
    push = torch.stack(
        [1.5 * torch.sin(torch.arange(traffic.steps - 1.0)), 0.02 * torch.cos(torch.arange(traffic.steps - 1.0))]
    )
    actions = actions + push[:, None, None] * traffic.log.mask
    return View(traffic, vehicle.roll(traffic.log, actions), actions, traffic.ego_log)


@pytest.mark.parametrize(("catalog", "name"), METHODS, ids=[name for _, name in METHODS])
def test_documented_frozen_and_made_by_name(catalog: Catalog[Any], name: str) -> None:
    kind = catalog.classes[name]
    assert is_dataclass(kind)
    text = kind.__doc__ or ""
    for section in ("Sign:", "Source:", "Deviations:", "Example:"):
        assert re.search(rf"^\s*{section}", text, re.MULTILINE), section
    own = [field for field in fields(kind) if field.init]
    assert bool(own) == ("Args:" in text)
    for field in own:
        assert f"{field.name}:" in text
    if name == "external":
        return  # it needs a target
    one = catalog.make(name)
    assert type(one) is kind
    assert one == catalog.make(f"{name}()")
    with pytest.raises(FrozenInstanceError):
        setattr(one, own[0].name if own else "anything", 1)


@pytest.mark.parametrize("name", COSTS.names())
@pytest.mark.parametrize("jobs", ["candidate", "scene"])
def test_costs_are_of_rows_alone(name: str, jobs: str) -> None:
    """Shape, validity, gradient of the row's movers only, and the same in a batch and alone."""
    first, second = made(*CARS), made(*CARS[:2], Car(x=30, y=2.5, yaw=3.1, speed=7), steps=41)
    traffic, vehicle = rows(Scenes.concat([first, second]), jobs)
    cost = COSTS.make(name)
    constant = cost.constant(traffic)
    assert len(constant) == len(traffic)
    view = pushed(traffic, vehicle)
    leaf = view.actions.clone().requires_grad_()
    value = cost(replace(view, actions=leaf, states=vehicle.roll(traffic.log, leaf)), constant)
    assert value.value.shape == value.valid.shape == (len(traffic),)
    assert value.valid.dtype == torch.bool
    assert bool((value.value[~value.valid] == 0).all())
    for row in range(len(traffic)):
        if value.value.requires_grad:
            (grad,) = torch.autograd.grad(value.value[row], leaf, retain_graph=True)
            others = torch.arange(len(traffic)) != row
            assert bool((grad[:, others] == 0).all())
            assert bool((grad[:, ~traffic.log.mask] == 0).all())
            assert bool(grad.isfinite().all())
        alone = traffic.take(torch.tensor([row]))
        one = View(
            alone,
            view.states.take(slice(row, row + 1)),
            view.actions[:, row : row + 1],
            view.ego.take(slice(row, row + 1)),
        )
        again = cost(one, cost.constant(alone))
        torch.testing.assert_close(again.value[0], value.value[row].detach(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", COSTS.names())
def test_costs_do_not_see_padding_or_order(name: str) -> None:
    plain = made(*CARS)
    order = torch.tensor([0, 4, 2, 5, 3, 1])
    names = ("xy", "yaw", "vel", "size", "valid", "kind")
    moved = replace(plain, **{key: getattr(plain, key)[:, order] for key in names})
    padded = Scenes.concat([plain, made(*CARS, *[Car(x=50.0 + 9 * n, y=3) for n in range(3)], steps=41)])
    found = []
    for scenes in (plain, moved, padded):
        traffic, vehicle = rows(scenes, "scene")
        view = pushed(traffic, vehicle)
        cost = COSTS.make(name)
        found.append(float(cost(view, cost.constant(traffic)).value[0]))
    assert found[1] == pytest.approx(found[0], abs=1e-9)
    assert found[2] == pytest.approx(found[0], abs=1e-9)


@pytest.mark.parametrize("name", COSTS.names())
def test_the_down_part_falls_towards_the_ego(name: str) -> None:
    """A mover nearer to the ego has a lower down cost; no anchor rewards that."""
    near, far = (made(Car(speed=9), Car(x=12 + apart, y=0, speed=9), Car(x=-60, speed=9)) for apart in (0.0, 4.0))
    values = []
    for scenes in (near, far):
        traffic, vehicle = rows(scenes)
        view = View(traffic, traffic.driven, vehicle.actions_of(traffic.log), traffic.ego_log)
        cost = COSTS.make(name)
        values.append(float(cost(view, cost.constant(traffic)).value[0]))
    if COSTS.make(name).part == "down":
        assert values[0] < values[1]
    else:
        assert values[0] >= values[1] - 1e-9


@pytest.mark.parametrize("name", TRAFFIC_METRICS.names())
def test_metrics(name: str) -> None:
    """Shape, finite values, zero where not valid, padding and other rows not seen."""
    traffic, vehicle = rows(Scenes.concat([made(*CARS), made(*CARS[:3], steps=41)]))
    metric = TRAFFIC_METRICS.make(name)
    view = pushed(traffic, vehicle)
    found = metric(view)
    assert found.value.shape == found.valid.shape == view.states.x.shape
    assert bool(found.value.isfinite().all())
    assert not bool((found.valid & ~traffic.live).any())
    assert bool((found.value[~found.valid] == 0).all())
    assert metric.danger in ("low", "high")
    alone = traffic.take(torch.tensor([1]))
    one = metric(View(alone, view.states.take(slice(1, 2)), view.actions[:, 1:2], view.ego.take(slice(1, 2))))
    torch.testing.assert_close(one.value[0], found.value[1])


@pytest.mark.parametrize("name", STEERING.names())
def test_rules(name: str) -> None:
    """A filter gives booleans of objects, a mask factors in [0, 1]; each leaves the other alone."""
    rule, scenes = STEERING.make(name), Scenes.concat([made(*CARS), made(*CARS[:3], steps=41)])
    scenes.xy[0, 3, 15:] += 3.0  # a jump that no vehicle follows
    kept = rule.keeps(Recording.of(scenes, VEHICLES.make("no_reverse")))
    assert kept.shape == scenes.kind.shape
    assert kept.dtype == torch.bool
    view = pushed(*rows(scenes))
    scale = rule.scale(view)
    assert scale.shape == (2, *view.states.x.shape[:2])
    assert bool(((scale >= 0) & (scale <= 1)).all())
    if rule.masks:
        assert bool(kept.all())
    else:
        assert bool((scale == 1).all())
        assert not bool(kept.all())  # the scenes have something for every filter


@pytest.mark.parametrize("name", [name for name in PLANNERS.names() if name != "external"])
def test_planners(name: str) -> None:
    """A state for every step, the first one the record's; no gradient; rows alone."""
    planner = PLANNERS.make(name)
    traffic, vehicle = rows(Scenes.concat([made(*CARS), made(*CARS[:3], steps=41)]))
    view = pushed(traffic, vehicle)
    leaf = view.actions.clone().requires_grad_()
    found = planner.drive(replace(view, states=vehicle.roll(traffic.log, leaf)), planner.prepare(traffic))
    for value, first in zip(found.states, traffic.ego_log, strict=True):
        assert value.shape == (len(traffic), traffic.steps)
        assert not value.requires_grad
        torch.testing.assert_close(value[:, 0], first[:, 0])
    assert float(found.states.speed.min()) >= 0
    alone = traffic.take(torch.tensor([2]))
    one = View(alone, view.states.take(slice(2, 3)), view.actions[:, 2:3], view.ego.take(slice(2, 3)))
    again = planner.drive(one, planner.prepare(alone)).states
    torch.testing.assert_close(again.x[0], found.states.x[2])


@pytest.mark.parametrize("name", VEHICLES.names())
def test_vehicles(name: str) -> None:
    """Forward and to the left is positive; what is masked stands; actions that are projected stay as they are."""
    vehicle = VEHICLES.make(name)
    traffic, _ = rows(made(*CARS))
    actions = vehicle.actions_of(traffic.log)
    base = vehicle.roll(traffic.log, actions)
    for channel, what in ((0, "speed"), (1, "yaw")):
        more = actions.clone()
        more[channel] += 0.05
        assert float(getattr(vehicle.roll(traffic.log, more), what)[0, 0, -1] - getattr(base, what)[0, 0, -1]) > 0
    still = ~traffic.log.mask
    assert bool((base.x.diff(dim=-1)[still] == 0).all())
    assert bool((actions[:, still] == 0).all() or name == "king")
    torch.testing.assert_close(vehicle.project(vehicle.project(9 * actions)), vehicle.project(9 * actions))
