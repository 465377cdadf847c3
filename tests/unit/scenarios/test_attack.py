"""The attack: rows are independent, hits are confirmed, and each error of the released code stays in its preset."""

import math
from dataclasses import replace

import pytest
import torch

from antigrad.core.errors import InputValueError
from antigrad.scenarios.attack import _Attack, _Live, attack  # pyright: ignore[reportPrivateUsage]
from antigrad.scenarios.dynamics import MAX_ACCELERATION, MAX_CURVATURE, States
from antigrad.scenarios.gap import separation
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.planners.planner import Drive
from antigrad.scenarios.recipe import Recipe, differences, preset
from antigrad.scenarios.scene import Scenes
from antigrad.scenarios.tools import (
    CONTACT,
    HIT,
    MISS,
    NOT_FINITE,
    PLANNER,
    Outcome,
    Tools,
    cost_gradients,
)
from antigrad.scenarios.traffic import View
from helpers.traffic import Car, scene, straight_road

SIMPLE = {"steering": [], "iterations": 60}


def run(
    made: Scenes, planner: str = "log_replay", safe: bool = False, base: str = "regents_fixed", **changes: object
) -> Outcome:
    recipe = preset(base, SIMPLE | changes)
    return attack(Tools.of(recipe, make_planner(planner), safe=safe), made)


def oncoming(gap: float = 3.6, x: float = 60.0, **more: object) -> Scenes:
    """The ego and a car that comes towards it on the other lane, one far behind, one that is parked."""
    cars = (Car(speed=10), Car(x=x, y=gap, yaw=math.pi, speed=10), Car(x=-70, speed=10), Car(x=70, y=-6, speed=0))
    return replace(scene(*cars, steps=51, name=str(gap)), road=straight_road(8.0), **more)


def test_a_hit_is_an_overlap_at_the_step_it_says_and_none_before() -> None:
    found = run(oncoming())
    row = found.status.index(HIT)
    assert int(found.traffic.mover[row, found.striker[row]]) == 1
    view, step = found.view, int(found.hit_step[row])
    touch = separation(view.moved, view.ego_box)[row, int(found.striker[row])] <= 0
    assert bool(touch[step])
    assert not bool(touch[:step].any())
    assert int(found.iteration[row]) < 60


def test_the_last_update_is_looked_at() -> None:
    """As released it is made and never evaluated: a hit that it brings is lost."""
    whole = run(oncoming())
    row = whole.status.index(HIT)
    needed = int(whole.iteration[row])
    assert needed > 1
    assert run(oncoming(), iterations=needed).status[row] == HIT
    assert run(oncoming(), iterations=needed - 1).status[row] == MISS


def test_other_objects_and_the_ego_do_not_move() -> None:
    found = run(oncoming(), jobs="scene", steering=["vehicles", "static", "behind"])
    assert found.traffic.mover.tolist() == [[1]]  # neither the follower nor the parked car
    assert found.candidates[0].tolist() == [False, True, False, False]


def test_rows_of_candidates_are_each_alone() -> None:
    found = run(oncoming())
    assert found.traffic.mover[:, 0].tolist() == [1, 2, 3]
    assert found.traffic.scene.tolist() == [0, 0, 0]


def test_a_batch_equals_its_scenes_alone() -> None:
    made = [oncoming(3.6), oncoming(4.2, x=80.0), oncoming(5.0)]
    together = run(Scenes.concat(made), "idm")
    row = 0
    for one in made:
        alone = run(one, "idm")
        part = slice(row, row + len(alone))
        assert together.status[part] == alone.status
        assert together.iteration[part].tolist() == alone.iteration.tolist()
        torch.testing.assert_close(together.actions[:, part], alone.actions, atol=1e-9, rtol=0)
        row += len(alone)


def test_the_order_of_objects_does_not_matter() -> None:
    made = oncoming()
    order = torch.tensor([0, 3, 1, 2])
    names = ("xy", "yaw", "vel", "size", "valid", "kind")
    moved = replace(made, **{name: getattr(made, name)[:, order] for name in names})
    one, two = run(made), run(moved)
    back = [two.traffic.mover[:, 0].tolist().index(int((order == number).nonzero())) for number in (1, 2, 3)]
    assert [two.status[row] for row in back] == one.status
    torch.testing.assert_close(two.actions[:, back], one.actions, atol=1e-9, rtol=0)


def test_a_rigid_motion_changes_nothing() -> None:
    """Not aligned: where boxes are parallel the nearest corner is a tie."""
    made = scene(Car(speed=10), Car(x=61.3, y=4.1, yaw=3.05, speed=9.3), Car(x=20, y=-4, yaw=0.1, speed=8), steps=51)
    turn = 0.8
    cos, sin = math.cos(turn), math.sin(turn)
    spin = torch.tensor([[cos, sin], [-sin, cos]], dtype=torch.float64)
    moved = replace(made, xy=made.xy @ spin + 30.0, vel=made.vel @ spin, yaw=made.yaw + turn)
    changes = {"costs": {"closest_approach": 1.0, "contact": 5.0}}
    one, two = run(made, **changes), run(moved, **changes)
    assert one.status == two.status
    torch.testing.assert_close(one.actions, two.actions, atol=1e-6, rtol=0)


def test_padding_changes_nothing() -> None:
    made = oncoming()
    wide = Scenes.concat(
        [made, replace(scene(*[Car(x=9.0 * n, y=40.0 + 9 * n) for n in range(7)], steps=71), road=straight_road(8.0))]
    )
    alone, padded = run(made), run(wide)
    assert padded.status[:3] == alone.status
    torch.testing.assert_close(padded.actions[:, :3, :, :50], alone.actions, atol=1e-9, rtol=0)
    assert bool((padded.actions[:, :3, :, 50:] == 0).all())


def test_the_gradient_is_block_diagonal() -> None:
    tools = Tools.of(preset("regents_fixed", SIMPLE), make_planner("log_replay"))
    found = attack(tools, Scenes.concat([oncoming(), oncoming(3.0)]))
    leaf = found.actions.clone().requires_grad_()
    view = View(found.traffic, tools.vehicle.roll(found.traffic.log, leaf), leaf, found.ego)
    for cost, _ in tools.costs:
        value = cost(view, cost.constant(found.traffic)).value
        (grad,) = torch.autograd.grad(value[0], leaf, retain_graph=True)
        assert bool((grad[:, 1:] == 0).all())
        (held,) = torch.autograd.grad(value.sum(), leaf, retain_graph=True)
        assert bool((held[:, ~found.traffic.log.mask] == 0).all())


def test_whole_objective_against_central_differences() -> None:
    tools = Tools.of(preset("regents_fixed", SIMPLE | {"iterations": 5}), make_planner("log_replay"))
    found = attack(tools, oncoming(2.4))
    actions = found.actions + 0.3 * torch.randn_like(found.actions) * torch.tensor([1.0, 0.02]).reshape(2, 1, 1, 1)
    constants = [cost.constant(found.traffic) for cost, _ in tools.costs]

    def total(u: torch.Tensor) -> torch.Tensor:
        view = View(found.traffic, tools.vehicle.roll(found.traffic.log, u), u, found.ego)
        pairs = zip(tools.costs, constants, strict=True)
        return sum((weight * cost(view, constant).value.sum() for (cost, weight), constant in pairs), torch.zeros(()))

    leaf = actions.clone().requires_grad_()
    (grad,) = torch.autograd.grad(total(leaf), leaf)
    for index in grad.abs().flatten().topk(60).indices[torch.randperm(60)[:20]].tolist():
        ends = []
        for step in (1e-6, -1e-6):
            moved = actions.clone()
            moved.view(-1)[index] += step
            ends.append(float(total(moved)))
        exact = float(grad.reshape(-1)[index])
        assert abs((ends[0] - ends[1]) / 2e-6 - exact) < 1e-6 * max(1.0, abs(exact)) * 10


def test_contacts_before_the_attack_are_nobodys_hit() -> None:
    made = Scenes.concat(
        [scene(Car(), Car(x=3), Car(x=40, y=5)), scene(Car(), Car(x=9, y=3.2, speed=9), Car(x=70, y=9))]
    )
    found = run(made)
    assert found.status[:2] == [CONTACT, CONTACT]
    assert found.status[2] == HIT
    assert int(found.iteration[0]) == 0


def test_a_scene_without_candidates_has_no_row() -> None:
    people = replace(scene(Car(), Car(y=20, kind=2)), road=straight_road(8.0))
    found = run(Scenes.concat([people, oncoming()]), steering=["vehicles"])
    assert found.traffic.scene.unique().tolist() == [1]
    empty = run(people, steering=["vehicles"])
    assert len(empty) == 0
    assert empty.status == []


class Stale:
    """An ego that swerves out of the way, but only when it is asked again."""

    reactive = True

    def __init__(self) -> None:
        self.asked = 0

    def prepare(self, traffic: object) -> tuple[torch.Tensor, ...]:
        return ()

    def drive(self, view: View, prepared: tuple[torch.Tensor, ...]) -> Drive:
        self.asked += 1
        states = View.__dataclass_fields__ and view.traffic.ego_log
        return Drive(states if self.asked == 1 else states._replace(y=states.y - 30.0))


def test_hits_on_a_stale_ego_do_not_count() -> None:
    made, recipe = oncoming(), preset("regents_fixed", SIMPLE)
    assert HIT in attack(Tools.of(recipe, make_planner("log_replay")), made).status
    stale = Stale()
    found = attack(Tools.of(recipe, stale, refresh=1000), made)  # type: ignore[arg-type]
    assert HIT not in found.status
    assert stale.asked > 2
    assert float(found.ego.y.max()) < -20  # the ego that is handed back is the fresh one


class Failing(Stale):
    def drive(self, view: View, prepared: tuple[torch.Tensor, ...]) -> Drive:
        self.asked += 1
        return Drive(view.traffic.ego_log, {0: "it gave up"} if self.asked > 1 else {})


def test_a_planner_that_fails_is_a_status_of_its_row() -> None:
    found = attack(Tools.of(preset("regents_fixed", SIMPLE), Failing(), refresh=2), oncoming(9.0))  # type: ignore[arg-type]
    assert PLANNER in found.status
    assert "it gave up" in found.notes.values()


def test_a_planner_that_fails_when_a_hit_is_to_be_confirmed_confirms_nothing() -> None:
    found = attack(Tools.of(preset("regents_fixed", SIMPLE), Failing(), refresh=1000), oncoming())  # type: ignore[arg-type]
    assert PLANNER in found.status
    assert HIT not in found.status


class Late(Stale):
    """An ego that drives into the other lane, but only when it is asked for the last time."""

    def drive(self, view: View, prepared: tuple[torch.Tensor, ...]) -> Drive:
        self.asked += 1
        states = view.traffic.ego_log
        return Drive(states if self.asked == 1 else states._replace(y=states.y + 9.0))


def test_a_contact_with_the_last_fresh_ego_counts() -> None:
    found = attack(Tools.of(preset("regents_fixed", SIMPLE | {"iterations": 1}), Late(), refresh=1000), oncoming(9.0))  # type: ignore[arg-type]
    assert found.status[0] == HIT
    assert int(found.hit_step[0]) >= 0


def test_what_is_not_finite_is_a_status_of_its_row() -> None:
    class Broken(Stale):
        reactive = False

        def drive(self, view: View, prepared: tuple[torch.Tensor, ...]) -> Drive:
            bad = view.traffic.ego_log.x.clone()
            bad[0] = math.nan
            return Drive(view.traffic.ego_log._replace(x=bad))

    recipe = preset("regents_fixed", SIMPLE | {"costs": {"centre_mean": 1.0}})
    found = attack(Tools.of(recipe, Broken()), oncoming())  # type: ignore[arg-type]
    assert found.status[0] == NOT_FINITE
    assert found.status[1] != NOT_FINITE
    assert bool(found.actions.isfinite().all())


def test_reach_of_one_step_size_for_two_units() -> None:
    """500 updates at 1e-3 under a constant gradient: 8 % of the acceleration bound, 167 % of the curvature bound."""
    tools = Tools.of(preset("regents_released", SIMPLE), make_planner("log_replay"))
    made = attack(replace(tools, recipe=replace(tools.recipe, iterations=1)), scene(Car(), Car(y=9), steps=5))
    engine = _Attack(tools, made.traffic, made.candidates)
    push = torch.ones_like(engine.all.actions)
    moved = -sum((engine._adam(engine.all, push, made.view) for _ in range(500)), torch.zeros_like(push))
    assert float(moved[0].amax()) == pytest.approx(0.5, abs=1e-4)
    assert float(moved[1].amin()) == pytest.approx(0.5, abs=1e-4)
    assert [round(0.5 / bound, 2) for bound in (MAX_ACCELERATION, MAX_CURVATURE)] == [0.08, 1.67]
    fixed = preset("regents_fixed")
    assert (fixed.step_first, fixed.step_second) == (0.05, 1e-3)


def test_the_engine_steps_as_adam_does() -> None:
    """The first updates of a row against torch's Adam on each channel."""
    made = oncoming(6.0)
    found = run(made, iterations=7, costs={"closest_approach": 1.0}, project=False)
    tools = Tools.of(preset("regents_fixed", SIMPLE | {"costs": {"closest_approach": 1.0}}), make_planner("log_replay"))
    start = tools.vehicle.actions_of(found.traffic.log)
    channels = [channel.clone().requires_grad_() for channel in start]
    groups = [{"params": [value], "lr": lr} for value, lr in zip(channels, (0.05, 1e-3), strict=True)]
    adam = torch.optim.Adam(groups)
    for _ in range(7):
        adam.zero_grad()
        actions = torch.stack(channels)
        view = View(found.traffic, tools.vehicle.roll(found.traffic.log, actions), actions, found.ego)
        tools.costs[0][0](view, torch.zeros(3)).value.sum().backward()
        adam.step()
    still = [row for row, status in enumerate(found.status) if status == MISS]
    assert still
    torch.testing.assert_close(found.actions[:, still], torch.stack(channels).detach()[:, still], atol=1e-12, rtol=0)


def frozen_then_thawed(before: bool) -> float:
    """How far the first update after a freeze goes, in steps, against a gradient of constant sign."""
    from antigrad.scenarios.steering import Steering

    class Freeze(Steering):
        masks, factor = True, 0.0
        before_moments = before

        def scale(self, view: View) -> torch.Tensor:
            return torch.stack([torch.ones(1, 1), torch.full((1, 1), self.factor)])

    rule, tools = Freeze(), Tools.of(preset("regents_fixed", SIMPLE), make_planner("log_replay"))
    made = attack(tools, scene(Car(), Car(y=9)))
    engine = _Attack(replace(tools, masks=[rule]), made.traffic, made.candidates)
    live: _Live = engine.all
    push = torch.ones_like(live.actions)
    for _ in range(50):
        assert float(engine._adam(live, push, made.view)[1].abs().max()) == 0
    rule.factor = 1.0
    return float(engine._adam(live, 1e-6 * push, made.view)[1].abs().max()) / tools.recipe.step_second


def test_a_thawed_car_starts_afresh_and_as_released_lets_go_at_once() -> None:
    """After a freeze, a gradient a million times smaller: its own first step, or what the moments gathered."""
    assert frozen_then_thawed(before=True) == pytest.approx(1.0, abs=0.02)
    assert frozen_then_thawed(before=False) == pytest.approx(0.9, abs=0.1)
    assert frozen_then_thawed(before=True) != frozen_then_thawed(before=False)


def test_contacts_on_steps_without_a_record_count_as_released_only() -> None:
    made = scene(Car(x=-20, speed=10), Car(x=0, y=-9, yaw=math.pi / 2, speed=9, last=10), Car(x=60, y=9), steps=41)
    fixed = run(made, iterations=1)
    assert fixed.status[0] == MISS  # it stopped being there before the ego came
    ghost = run(made, iterations=1, invalid_contacts=True)
    assert ghost.status[0] == CONTACT


def test_actions_stay_within_the_bounds() -> None:
    found = run(oncoming(9.0), step_first=3.0, step_second=0.2, iterations=15)
    assert float(found.actions[0].abs().max()) <= 6.0
    assert float(found.actions[1].abs().max()) <= 0.3
    assert float(found.clipped.max()) > 0.05


def test_a_hit_may_be_asked_to_go_deeper() -> None:
    shallow, deep = (run(oncoming(), depth=depth) for depth in (0.0, 0.5))
    for found, least in ((shallow, 0.0), (deep, 0.5)):
        view = found.view
        rows = [row for row, status in enumerate(found.status) if status == HIT]
        assert rows
        assert float(separation(view.moved, view.ego_box)[rows].flatten(1).amin(1).max()) <= -least


@pytest.mark.parametrize("name", ["regents_fixed", "regents_paper", "regents_released", "king"])
def test_every_preset_runs_and_goes_down_its_cost(name: str) -> None:
    recipe = preset(name, {"iterations": 8})
    tools = Tools.of(recipe, make_planner("log_replay"))
    made = oncoming(7.0, x=90.0)
    found = attack(tools, made)
    assert len(found) == 1
    none = replace(found, actions=tools.vehicle.actions_of(found.traffic.log))
    totals = [
        sum(recipe.costs.get(text, 0.0) * float(value.sum()) for text, _, value, _ in cost_gradients(tools, one))
        for one in (none, found)
    ]
    assert totals[1] < totals[0]
    assert float((found.states.x - found.traffic.driven.x).abs().max()) > 0


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"costs": {"contact": 1.0}}, "none of them lowers"),
        ({"costs": {"closest_aproach": 1.0}}, "did you mean 'closest_approach'"),
        ({"costs": {"closest_approach": -1.0}}, "weight of closest_approach"),
        ({"jobs": "both"}, "jobs"),
        ({"iterations": 0}, "iterations=0"),
        ({"step_first": 0}, "step_first"),
        ({"betas": [1.0, 0.9]}, "betas"),
        ({"steering": ["statik"]}, "did you mean 'static'"),
        ({"vehicle": "king(no=1)"}, "'no' of king"),
        ({"depth": -1.0}, "depth"),
    ],
)
def test_problems_of_a_recipe(changes: dict[str, object], text: str) -> None:
    problems = preset("regents_fixed", changes).problems()
    assert any(text in problem for problem in problems), problems


def test_presets_differ_where_they_should() -> None:
    assert preset("regents_fixed").problems() == []
    found = differences(preset("regents_released"), preset("regents_fixed"))
    assert {"vehicle", "costs", "steering", "jobs", "iterations", "step_first", "project", "invalid_contacts"} <= set(
        found
    )
    assert differences(Recipe(), Recipe()) == {}
    with pytest.raises(InputValueError, match="did you mean 'regents_fixed'"):
        preset("regents_fix")
    with pytest.raises(InputValueError, match="iterations"):
        preset("king", {"iteration": 3})


def test_states_helper_takes_rows() -> None:
    states = States(*(torch.arange(6.0).reshape(3, 2) for _ in range(4)))
    assert states.take(torch.tensor([2])).x.tolist() == [[4.0, 5.0]]
