"""Costs: numbers of the released code, the corrected ones where those fail, and gradients against differences."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.scenarios.costs import COSTS
from antigrad.scenarios.costs.warning_time import point_of_no_return
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.scene import Scenes
from antigrad.scenarios.sdf import SignedDistance
from antigrad.scenarios.traffic import Traffic, View
from antigrad.scenarios.vehicles import Vehicle
from helpers.traffic import Car, scene, straight_road, traffic_of, view_of

F64 = {"dtype": torch.float64}


def placed(scenes: Scenes, x: Tensor, y: Tensor) -> tuple[View, Tensor]:
    """Movers put at places (M, T), heading along x, whatever drives there; and the leaf of x and y."""
    traffic, vehicle = traffic_of(scenes)
    leaf = torch.stack([x, y])[:, None].clone().requires_grad_()
    zero = torch.zeros_like(leaf[0])
    states = States(leaf[0], leaf[1], zero, zero)
    return View(traffic, states, vehicle.actions_of(traffic.log), traffic.ego_log), leaf


def measured(spec: str, view: View, leaf: Tensor) -> tuple[float, Tensor]:
    cost = COSTS.make(spec)
    value = cost(view, cost.constant(view.traffic)).value.sum()
    if not value.requires_grad:
        return float(value), torch.zeros_like(leaf)
    (grad,) = torch.autograd.grad(value, leaf, allow_unused=True, retain_graph=True)
    return float(value.detach()), torch.zeros_like(leaf) if grad is None else grad


def reduction_toy() -> tuple[View, Tensor]:
    still = Car(speed=0.0)
    share = torch.linspace(0, 1, 20, **F64)
    x = torch.stack([3 + 27 * share, 32 - 28 * share])
    y = torch.stack([torch.full_like(share, 3.5), torch.full_like(share, -3.5)])
    return placed(scene(still, Car(y=20), Car(y=-20), steps=20), x, y)


def test_released_attraction_pulls_one_mover_and_its_far_steps_most() -> None:
    view, leaf = reduction_toy()
    value, grad = measured("centre_mean", view, leaf)
    assert value == pytest.approx(351.6447, abs=1e-4)
    pull = grad[:, 0].norm(dim=0)
    assert (pull > 0).sum(-1).tolist() == [20, 0]
    assert float(pull[0, -1] / pull[0, 0]) == pytest.approx(6.55, abs=0.01)
    second = leaf.detach()[:, 0, 1].square().sum(0).mean()
    assert float(second) == pytest.approx(408.4605, abs=1e-4)


def test_kings_reduction_pulls_the_nearest_mover_of_each_step() -> None:
    view, leaf = reduction_toy()
    _, grad = measured("king_attraction", view, leaf)
    pulled = (grad[:, 0].norm(dim=0) > 0).sum(-1)
    assert pulled.tolist() == [11, 9]


def test_closest_approach_pulls_one_step_only() -> None:
    view, leaf = reduction_toy()
    value, grad = measured("closest_approach", view, leaf)
    assert value == pytest.approx(1.5, abs=1e-9)  # side by side at 3 m: 3.5 m less two half widths
    assert (grad[:, 0].norm(dim=0) > 0).sum(-1).tolist() == [1, 0]
    soft, _ = measured("closest_approach(beta=50)", view, leaf)
    assert value < soft < value + math.log(20) / 50 + 1e-6


@pytest.mark.parametrize(
    ("apart", "value", "slope"),
    [(6.0, 1.5625, 0.0), (5.0, 1.5625, 0.0), (3.0, 1.5625, 0.0), (1.2, 1.44, 2.4), (1.0, 1.0, 2.0)],
)
def test_released_repulsion_acts_in_deep_overlap_only(apart: float, value: float, slope: float) -> None:
    made = scene(Car(y=-50, speed=0), Car(y=20), Car(y=-20), steps=5)
    view, leaf = placed(made, torch.tensor([[0.0] * 5, [apart] * 5], **F64), torch.zeros(2, 5, **F64))
    found, grad = measured("centre_repulsion", view, leaf)
    assert found == pytest.approx(-value)
    assert float(grad[0, 0, 1].abs().sum()) == pytest.approx(slope)


def test_the_corrected_repulsion_acts_before_contact_and_against_parked_cars() -> None:
    made = scene(Car(y=-50, speed=0), Car(y=20, speed=5), Car(x=6, y=0, speed=0), steps=5)
    traffic, _ = traffic_of(made, movers=[1])
    x = torch.full((1, 5), 0.7, **F64)  # 0.8 m behind the parked car
    leaf = torch.stack([x, torch.zeros_like(x)])[:, None].requires_grad_()
    zero = torch.zeros_like(leaf[0])
    view = View(traffic, States(leaf[0], leaf[1], zero, zero), traffic.log.mask, traffic.ego_log)
    value, grad = measured("contact", view, leaf)
    assert value == pytest.approx(1.25 - 0.8)
    assert float(grad[0].sum()) == pytest.approx(1.0)  # going down the cost leads away from it
    for dead in ("centre_repulsion", "gap_repulsion"):
        assert measured(dead, view, leaf)[0] == 0  # candidates avoid candidates only, as published


def test_contacts_of_the_log_cost_nothing() -> None:
    made = scene(Car(y=-50, speed=0), Car(speed=0), Car(x=3, speed=0), steps=5, half_road=0.5)
    traffic, vehicle = traffic_of(made)
    view = view_of(traffic, vehicle)
    for spec in ("contact", "road_depth", "deviation"):
        cost = COSTS.make(spec)
        assert float(cost(view, cost.constant(traffic)).value) == 0, spec
    assert float(COSTS.make("road_depth(baseline=false)")(view, torch.zeros(1, 2)).value) > 1


def test_two_movers_repel_each_other_with_the_whole_gradient() -> None:
    made = scene(Car(y=-50, speed=0), Car(y=20), Car(y=-20), steps=5)
    view, leaf = placed(made, torch.tensor([[0.0] * 5, [5.0] * 5], **F64), torch.zeros(2, 5, **F64))
    value, grad = measured("contact", view, leaf)
    assert value == pytest.approx(1.25 - 0.5)
    assert grad[0, 0].sum(-1).tolist() == pytest.approx([1.0, -1.0])


def released_map(rows: Tensor) -> SignedDistance:
    """200 by 200 cells of 1 m, off the road where True."""
    values = torch.where(rows, 0.5, -0.5).double()[:, None].expand(200, 200)[None]
    return SignedDistance(values.contiguous(), torch.zeros(1, 2, **F64), torch.tensor([[200, 200]]), 1.0)


ROAD = (torch.arange(200) < 95) | (torch.arange(200) > 105)
EVERYWHERE = torch.ones(200, dtype=torch.bool)


@pytest.mark.parametrize(
    ("rows", "centre", "corrected", "value", "slope"),
    [
        (ROAD, (100.0, 100.0), False, 0.0, 0.0),
        (ROAD, (100.0, 104.5), False, 0.0, 0.0),
        (ROAD, (100.0, 150.0), False, 0.0, 0.0),
        (ROAD, (100.0, 104.5), True, 19.7096, 48.2625),
        (ROAD, (100.0, 150.0), True, 101.4319, 0.0),
        (EVERYWHERE, (20.0, 20.0), False, 101.4319, 0.0),
        (EVERYWHERE, (28.0, 28.0), False, 101.3434, 0.6197),
        (EVERYWHERE, (10.0, 10.0), False, 0.0, 0.0),
        (EVERYWHERE, (100.0, 100.0), False, 0.0, 0.0),
    ],
)
def test_released_off_road_term(
    rows: Tensor, centre: tuple[float, float], corrected: bool, value: float, slope: float
) -> None:
    made = replace(scene(Car(x=50, y=50, speed=0), Car(size=(4.5, 1.8)), steps=20), road=released_map(rows))
    places = [torch.full((1, 20), one, **F64) for one in centre]
    view, leaf = placed(made, *places)
    found, grad = measured(f"road_crop(corrected={str(corrected).lower()})", view, leaf)
    assert found == pytest.approx(value, abs=1e-4)
    assert math.hypot(*grad.sum((1, 2, 3)).tolist()) == pytest.approx(slope, abs=1e-4)


def test_the_corrected_off_road_term_has_a_gradient_deep_off_the_road() -> None:
    """There the released Gaussian is dead, and the corrected crop flat."""
    made = replace(scene(Car(speed=0), Car(size=(4.5, 1.8)), steps=20), road=straight_road(5.0))
    view, leaf = placed(made, torch.full((1, 20), 10.0, **F64), torch.full((1, 20), 50.0, **F64))
    value, grad = measured("road_depth(baseline=false)", view, leaf)
    assert value == pytest.approx(4 * 45, abs=1e-6)
    assert float(grad[1].sum()) == pytest.approx(4.0)  # down the cost is back to the road
    assert float(measured("road_gaussian", view, leaf)[1].abs().max()) < 1e-3


@pytest.mark.parametrize(("cell", "mass"), [(1.0, 1.0), (0.5, 1.0)])
def test_the_papers_gaussian_has_unit_mass_whatever_the_raster(cell: float, mass: float) -> None:
    """As released it is 1.2896 on 1 m cells and 5.0133 on 0.5 m."""
    made = replace(scene(Car(speed=0), Car(), steps=20), road=released_map(EVERYWHERE))
    view, leaf = placed(made, torch.full((1, 20), 100.3, **F64), torch.full((1, 20), 100.2, **F64))
    value, _ = measured(f"road_gaussian(cell={cell})", view, leaf)
    assert value / 4 == pytest.approx(mass, abs=0.05)
    crop, _ = measured("road_crop(corrected=true)", view, leaf)
    assert crop / 80 == pytest.approx(1.2533, abs=0.05)  # σ√(2π), smeared by where the corner lies in its cell


@pytest.mark.parametrize(("cell", "mass"), [(1.0, 1.2896), (0.5, 5.0133)])
def test_the_released_normaliser_depends_on_the_raster(cell: float, mass: float) -> None:
    """It is that of one dimension for a kernel of two; a corner in the middle of a cell shows the whole of it."""
    values = torch.full((1, 260, 260), 0.5, **F64)
    road = SignedDistance(values, torch.zeros(1, 2, **F64), torch.tensor([[260, 260]]), cell)
    made = replace(scene(Car(speed=0), Car(size=(4.0, 2.0)), steps=20), road=road)
    view, leaf = placed(made, torch.full((1, 20), 50.0, **F64), torch.full((1, 20), 50.0, **F64))
    value, _ = measured("road_crop(corrected=true)", view, leaf)
    assert value / 80 == pytest.approx(mass, abs=1e-4)


def test_the_point_of_no_return_by_hand() -> None:
    """At 12 m/s it takes 12 m to stop: ten states before; twice as fast four times as far; who stands can always."""
    x = torch.stack([1.2 * torch.arange(61.0, **F64), 2.4 * torch.arange(61.0, **F64), torch.zeros(61, **F64)])
    speed = torch.tensor([11.99, 23.99, 0.0], **F64)[:, None].expand(3, 61)
    ego, contact = States(x, 0 * x, 0 * x, speed), torch.tensor([40, 40, 40])
    assert point_of_no_return(ego, contact, 6.0).tolist() == [30, 20, 40]
    assert point_of_no_return(ego, contact, 3.0).tolist() == [20, 0, 40]


@pytest.mark.parametrize(("lead", "since", "off"), [(0.5, 18, 0.64), (0.5, 24, 0.04), (0.5, 27, 0.0), (1.0, 18, 0.09)])
def test_warning_time_wants_the_attack_to_show_before_the_ego_can_no_longer_stop(
    lead: float, since: int, off: float
) -> None:
    """At 10 m/s the last state from which the ego stops short of where it is at state 40 is 31: 8.33 m before. A car
    that brakes at 2 m/s² from some state on is off its record by so many metres a lead before that."""
    made = scene(Car(speed=10), Car(x=20, y=4.4, yaw=-0.02, speed=5, size=(12, 2)), steps=41)
    traffic, vehicle = traffic_of(made)
    actions = vehicle.actions_of(traffic.log)
    cost = COSTS.make(f"warning_time(lead={lead})")
    assert float(cost(view_of(traffic, vehicle, actions), torch.zeros(1)).value) == pytest.approx(0.5)
    actions[0, ..., since:] -= 2.0
    wanted = max(0.0, 0.5 - (math.hypot(off, 0.01) - 0.01))  # the root is smooth at 0
    assert float(cost(view_of(traffic, vehicle, actions), torch.zeros(1)).value) == pytest.approx(wanted, abs=1e-6)


def test_the_gradient_of_warning_time_shows_the_attack() -> None:
    """Down the cost, the car leaves its record farther, by what it does before that moment."""
    made = scene(Car(speed=10), Car(x=20, y=4.4, yaw=-0.02, speed=5, size=(12, 2)), steps=41)
    traffic, vehicle = traffic_of(made)
    actions = vehicle.actions_of(traffic.log)
    actions[0, ..., 24:] -= 2.0
    leaf = actions.clone().requires_grad_()
    value = COSTS.make("warning_time")(view_of(traffic, vehicle, leaf), torch.zeros(1)).value.sum()
    (grad,) = torch.autograd.grad(value, leaf)
    assert bool((grad[0, 0, 0, :26] > 0).all())  # it brakes: braking harder or earlier lowers the cost
    assert bool((grad[..., 26:] == 0).all())


def hard_case() -> tuple[Traffic, Vehicle]:
    movers = (Car(x=14, y=1.2, yaw=0.05), Car(x=-3, y=3.3, speed=11))
    made = scene(Car(speed=9), *movers, Car(x=9, y=4.9, speed=0), Car(x=22, y=-3, speed=4), steps=31, half_road=4.0)
    return traffic_of(made, movers=[1, 2])


@pytest.mark.parametrize(
    "spec", [*COSTS.names(), "closest_approach(beta=3)", "gap_repulsion(edges=true)", "road_crop(corrected=true)"]
)
def test_gradient_equals_central_differences(spec: str) -> None:
    traffic, vehicle = hard_case()
    torch.manual_seed(4)
    cost = COSTS.make(spec)
    constant = cost.constant(traffic)
    noise = torch.tensor([0.8, 0.01], **F64).reshape(2, 1, 1, 1)
    actions = vehicle.actions_of(traffic.log) + noise * torch.randn(2, 1, 2, 30, **F64)

    def total(u: Tensor) -> Tensor:
        return cost(view_of(traffic, vehicle, u), constant).value.sum()

    leaf = actions.clone().requires_grad_()
    value = total(leaf)
    if not value.requires_grad:
        assert spec == "road_crop"  # dead here, as released
        return
    (grad,) = torch.autograd.grad(value, leaf)
    for index in torch.randint(actions.numel(), (30,)).tolist():
        ends = []
        for step in (1e-6, -1e-6):
            moved = actions.clone()
            moved.view(-1)[index] += step
            ends.append(float(total(moved)))
        exact = float(grad.reshape(-1)[index])
        assert abs((ends[0] - ends[1]) / 2e-6 - exact) < 2e-5 * max(1.0, abs(exact)), index


@pytest.mark.parametrize(
    "spec",
    [
        "contact(pairs=0)",
        "contact(threshold=0)",
        "closest_approach(beta=-1)",
        "road_gaussian(sigma=0)",
        "warning_time(lead=0)",
        "warning_time(brake=0)",
    ],
)
def test_bad_options_are_refused(spec: str) -> None:
    with pytest.raises(InputValueError):
        COSTS.make(spec)
