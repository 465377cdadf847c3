"""The certificate: a fixture by hand, monotone in what is asked for, escapes that replay, the reference's verdicts."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from antigrad.core.errors import InputValueError
from antigrad.scenarios.attack import attack
from antigrad.scenarios.certificate import AVOIDABLE, FORESIGHT, UNAVOIDABLE, Certificate, Judge, certify
from antigrad.scenarios.dynamics import States
from antigrad.scenarios.fault import contact_of, fault_ledger
from antigrad.scenarios.gap import boxes, separation
from antigrad.scenarios.manoeuvres import Lattice
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.recipe import preset
from antigrad.scenarios.tools import HIT, Outcome, Tools
from antigrad.scenarios.traffic import View
from helpers.traffic import Car, oracle, scene, straight_road, traffic_of, view_of

BRAKING = Lattice(accelerations=(-6.0,), sides=(0.0,))


def one(view: View, step: int, judge: Judge, striker: int = 0) -> Certificate:
    return certify(view, [0], [striker], [step], judge)[0]


def standing_car(room: float = 25.0) -> View:
    """The ego at 15 m/s, a car that stands with its rear `room` metres ahead of the ego's front."""
    made = scene(Car(speed=15), Car(x=room + 4.5, speed=0), steps=91)
    return view_of(*traffic_of(made))


def test_last_braking_start_by_hand() -> None:
    """15 m/s and 6 m/s² need 18.75 m of the 25: floor((25 - 18.75) / 1.5) = step 4."""
    judge = Judge(BRAKING, every=0.1, clearance=0.0)
    found = one(standing_car(), 17, judge)
    assert found.last == pytest.approx(0.4)
    assert found.braking
    assert found.manoeuvre == (-6.0, 0.0)
    assert found.open.flip(0).tolist() == [1] * 5 + [0] * 12


@pytest.mark.parametrize(("room", "last"), [(18.6, None), (18.8, 0.0), (21.0, 0.1), (40.0, 1.4)])
def test_the_room_decides(room: float, last: float | None) -> None:
    found = one(standing_car(room), max(1, round(room / 1.5)), Judge(BRAKING, every=0.1, clearance=0.0))
    assert found.last == (None if last is None else pytest.approx(last))
    assert (found.verdict == UNAVOIDABLE) == (last is None)


def attacked(iterations: int = 60, road: float = 8.0) -> Outcome:
    cars = (
        Car(speed=10),
        Car(x=75, y=4.3, yaw=3.1, speed=9),
        Car(x=22, y=-4.4, yaw=-0.02, speed=8),
        Car(x=90, y=7, speed=0),
    )
    made = replace(scene(*cars, steps=61), road=straight_road(road))
    recipe = preset("regents_fixed", {"steering": ["static"], "iterations": iterations})
    return attack(Tools.of(recipe, make_planner("log_replay")), made)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    found = attacked()
    assert found.status.count(HIT) == 2
    return found


def certified(found: Outcome, judge: Judge | None = None) -> list[Certificate]:
    rows = [row for row, status in enumerate(found.status) if status == HIT]
    return certify(found.view, rows, found.striker[rows].tolist(), found.hit_step[rows].tolist(), judge)


def safe_starts(found: Certificate) -> set[int]:
    return {int(start) for start, count in zip(found.starts, found.open, strict=True) if count > 0}


def test_what_is_asked_for_is_monotone(outcome: Outcome) -> None:
    """More clearance, a longer horizon or reaction never make a scene avoidable; more manoeuvres never less so."""
    order = {UNAVOIDABLE: 0, FORESIGHT: 1, AVOIDABLE: 2}
    usual = certified(outcome)
    few = Lattice(accelerations=(-4.0, 0.0), sides=(-2.0, 0.0))
    for judge, less in [
        (Judge(clearance=1.0), True),
        (Judge(after=4.0), True),
        (Judge(reaction=3.0), True),
        (Judge(slack=0.0), True),
        (Judge(lattice=few), True),
        (Judge(clearance=0.0), False),
        (Judge(reaction=0.0), False),
    ]:
        for mine, other in zip(usual, certified(outcome, judge), strict=True):
            low, high = (other, mine) if less else (mine, other)
            assert order[low.verdict] <= order[high.verdict], judge
            assert safe_starts(low) <= safe_starts(high), judge


def test_the_escape_replays_without_contact(outcome: Outcome) -> None:
    view = outcome.view
    rows = [row for row, status in enumerate(outcome.status) if status == HIT]
    for row, found in zip(rows, certified(outcome), strict=True):
        assert found.escape is not None
        assert found.last is not None
        first = round(found.last / 0.1) + 1
        x, y, yaw, speed = found.escape.unbind(-1)
        ego = boxes(States(x, y, yaw, speed), view.traffic.ego_size[row])
        until = slice(first, first + len(x))
        for number in range(1, 4):
            slot = int(view.traffic.slot[row, number])
            box = (
                view.moved.map(lambda v, row=row, slot=slot: v[row, slot])
                if slot >= 0
                else view.traffic.others.map(lambda v, row=row, number=number: v[row, number])
            )
            other = box._replace(**{name: getattr(box, name)[until] for name in ("x", "y", "cos", "sin")})
            assert float(separation(ego, other).min()) > 0.3 - 1e-9, number
        assert float((y.abs() + 1.0).max()) < 8.0 + 0.3 + 1.0
        driven = torch.hypot(x.diff(), y.diff())
        assert bool((driven <= 0.05 * (speed[1:] + speed[:-1]) + 1e-6).all())


def test_verdict_is_about_when_the_attack_shows(outcome: Outcome) -> None:
    for found in certified(outcome):
        assert found.lead is not None
        assert found.last is not None
        assert found.verdict == (AVOIDABLE if found.last >= found.seen + 0.5 - 1e-9 else FORESIGHT)
        assert found.lead == pytest.approx(found.contact - found.last)
    late = certified(outcome, Judge(visible=50.0))
    assert all(found.seen == found.contact for found in late)
    assert {found.verdict for found in late} == {FORESIGHT}


def test_a_follower_does_not_close_the_way_out_but_a_striker_behind_does() -> None:
    """Frozen traffic behind would have braked; the striker is taken as it drove."""
    made = scene(Car(speed=15), Car(x=29.5, speed=0), Car(x=-8, speed=15), steps=91)
    view = view_of(*traffic_of(made))
    judge = Judge(BRAKING, every=0.1, clearance=0.0)
    assert one(view, 17, judge).last == pytest.approx(0.4)
    assert one(view, 17, judge, striker=1).last is None


def test_contacts_of_the_log_are_not_the_attacks() -> None:
    """A box beside the ego that overlaps it in the record; one that comes near, but does not touch it, counts."""
    found = []
    for aside in (1.9, 2.2):
        made = scene(Car(speed=15), Car(x=29.5, speed=0), Car(x=0.5, y=aside, speed=15), steps=91)
        view = view_of(*traffic_of(made, movers=[1]))
        found.append(one(view, 17, Judge(BRAKING, every=0.1, clearance=0.3)))
    assert found[0].last == pytest.approx(0.3)
    assert found[1].last is None


def test_escapes_stay_on_the_road() -> None:
    """Without room to brake, swerving is the way out, if there is road for it."""
    wide, narrow = (
        replace(scene(Car(speed=15), Car(x=21, speed=0), steps=61), road=straight_road(half)) for half in (12.0, 1.5)
    )
    found = [one(view_of(*traffic_of(made)), 11, Judge(every=0.1)) for made in (wide, narrow)]
    assert found[0].last is not None
    assert found[0].manoeuvre is not None
    assert found[0].manoeuvre[1] != 0
    assert found[1].last is None


def reference_scene(reference: Any, outcome: Outcome, row: int) -> tuple[Any, list[torch.Tensor]]:
    """A row as the reference wants it: 32 objects, a map around the origin, float32."""
    traffic, most = outcome.traffic, 32
    striker = int(traffic.mover[row, 0])
    others = traffic.others.map(lambda value: value[row].float())
    record = [others.x, others.y, torch.atan2(others.sin, others.cos)]
    now = [value.clone() for value in record]
    for value, new in zip(now, outcome.states[:3], strict=True):
        value[striker] = new[row, 0].float()

    def grown(value: torch.Tensor) -> torch.Tensor:
        return torch.cat([value, value.new_zeros(most - len(value), *value.shape[1:])])[None]

    there = traffic.present[row].clone()
    there[striker], there[0] = traffic.live[row, 0], True
    axis = (torch.arange(256) - 128).float()
    made = SimpleNamespace(T=61, N=1, valid=grown(there), seg=grown(there), size=grown(torch.tensor([[4.5, 2.0]] * 4)))
    made.sdf = (axis.abs() - 8.0)[:, None].expand(256, 256)[None]
    made.xy, made.yaw = grown(torch.stack(record[:2], -1)), grown(record[2])
    made.length, made.width = (made.size[..., None, side].expand(1, most, 61) for side in (0, 1))
    made.log_ego = lambda: tuple(value[row][None].float() for value in traffic.ego_log[:3])
    made.boxes = lambda x, y, yaw: reference.box(x, y, yaw, made.length, made.width)
    return made, [grown(value) for value in now]


def test_the_reference_agrees(outcome: Outcome) -> None:
    reference = oracle("certificate")
    rows = [row for row, status in enumerate(outcome.status) if status == HIT]
    for row, found in zip(rows, certified(outcome), strict=True):
        made, now = reference_scene(reference, outcome, row)
        ego = [value[row][None].float() for value in outcome.ego[:3]]
        theirs = reference.certify(made, 0, now, ego, int(outcome.traffic.mover[row, 0]), int(outcome.hit_step[row]))
        assert theirs["verdict"] == found.verdict
        assert theirs["last"] == pytest.approx(found.last)
        assert theirs["brake_only"] == found.braking


def test_bad_options_are_refused() -> None:
    with pytest.raises(InputValueError, match="every"):
        Judge(every=0.0)
    with pytest.raises(InputValueError, match="manoeuvre"):
        Judge(lattice=Lattice(accelerations=(-9.0,), sides=(0.0,)))


def test_the_lattice_has_25_within_the_grip() -> None:
    assert len(Lattice().manoeuvres) == 25
    assert all(math.hypot(*each) <= 8 for each in Lattice().manoeuvres)


@pytest.mark.parametrize(
    ("other", "step", "kind", "ego_at_fault", "zone", "ego_strikes"),
    [
        (Car(x=12, speed=0), 8, "track stopped", True, "front", True),
        (Car(x=12, speed=4), 13, "front", True, "front", True),
        (Car(x=-12, speed=20), 8, "rear", False, "rear", False),
        (Car(x=6.5, y=-12, yaw=math.pi / 2, speed=12), 8, "lateral", False, "side", False),
    ],
)
def test_classes_of_contacts(
    other: Car, step: int, kind: str, ego_at_fault: bool, zone: str, ego_strikes: bool
) -> None:
    view = view_of(*traffic_of(scene(Car(speed=10), other, steps=31)))
    touch = (separation(view.moved, view.ego_box)[0, 0] <= 0).nonzero()
    found = contact_of(view, 0, 0, int(touch[0, 0]) if len(touch) else step)
    assert (found.kind, found.at_fault, found.zone, found.ego_strikes) == (kind, ego_at_fault, zone, ego_strikes)


def test_a_standing_ego_is_never_at_fault_and_leaving_the_road_is() -> None:
    view = view_of(*traffic_of(scene(Car(speed=0), Car(x=-12, speed=10), steps=31)))
    assert contact_of(view, 0, 0, 8).kind == "ego stopped"
    assert not contact_of(view, 0, 0, 8).at_fault
    crossing = view_of(*traffic_of(scene(Car(speed=10), Car(x=6.5, y=-12, yaw=math.pi / 2, speed=12), steps=31)))
    assert contact_of(crossing, 0, 0, 8, off_road=True).at_fault


def test_the_ledger_adds_up_from_the_record_to_the_attack(outcome: Outcome) -> None:
    recipe = preset("regents_fixed")
    rows = [row for row, status in enumerate(outcome.status) if status == HIT]
    for row, found in zip(rows, certified(outcome), strict=True):
        entries = fault_ledger(outcome, recipe.made_vehicle(), row)
        whole = sum(entry.lost for entry in entries)
        fine = sum(entry.lost for entry in fault_ledger(outcome, recipe.made_vehicle(), row, every=0.2))
        assert whole == pytest.approx(fine, abs=1e-6)  # however it is cut
        assert found.last is not None
        end = 0.1 * (round(found.last / 0.1) + 1)
        start = 0.1 * int(outcome.hit_step[row])  # without the attack, every start is safe
        assert whole == pytest.approx(start - end, abs=1e-6)
        assert whole > 0
        assert entries[0].start == 0
        assert entries[-1].end == pytest.approx(0.1 * int(outcome.hit_step[row]))


def braked_together() -> Outcome:
    """Ahead of the ego and in the lane beside it two cars brake, from 1 s on; on the other side stands a wall."""
    cars = (Car(speed=15), Car(x=30, speed=15), Car(x=44, y=3.5, speed=15), Car(x=60, y=-3.5, speed=0, size=(240, 1)))
    made = replace(scene(*cars, steps=81), road=straight_road(8.0))
    recipe = preset("regents_fixed", {"steering": ["static"], "jobs": "scene", "iterations": 1})
    found = attack(Tools.of(recipe, make_planner("log_replay")), made)
    assert found.traffic.mover.tolist() == [[1, 2]]
    vehicle, actions = recipe.made_vehicle(), recipe.made_vehicle().actions_of(found.traffic.log)
    actions[0, ..., 10:] = -6.0
    found = replace(found, actions=actions, states=vehicle.roll(found.traffic.log, actions), status=[HIT])
    touch = separation(found.view.moved, found.view.ego_box)[0, 0] <= 0
    return replace(found, striker=torch.tensor([0]), hit_step=touch.nonzero()[:1, 0])


def test_the_ledger_says_whose_actions_closed_the_way_out() -> None:
    """Against certificates of worlds in which only one of the two cars braked, or none."""
    both, vehicle = braked_together(), preset("regents_fixed").made_vehicle()
    judge, step = Judge(Lattice(accelerations=(0.0, -2.0)), every=0.1), int(both.hit_step[0])

    def last(*braking: int) -> float:
        actions = vehicle.actions_of(both.traffic.log)
        for who in braking:
            actions[:, 0, who] = both.actions[:, 0, who]
        world = replace(both, actions=actions, states=vehicle.roll(both.traffic.log, actions))
        found = certify(world.view, [0], [0], [step], judge)[0]
        return 0.0 if found.last is None else found.last + 0.1

    entries = fault_ledger(both, vehicle, 0, judge)
    lost = {who: sum(entry.lost for entry in entries if entry.who == who) for who in (0, 1)}
    assert {entry.who for entry in entries} == {0, 1}
    assert lost[0] == pytest.approx(last() - last(0))
    assert lost[1] == pytest.approx(last(0) - last(0, 1))
    assert lost[0] > 0.5
    assert lost[1] > 0.5
    for who in (0, 1):
        mine = [entry for entry in entries if entry.who == who]
        assert sum(entry.lost for entry in mine if entry.end <= 1.0) == 0  # nobody braked yet
        assert (mine[0].start, mine[-1].end) == (0.0, pytest.approx(0.1 * step))


def test_who_did_not_matter_is_not_in_the_ledger() -> None:
    """The second car far to the side: it brakes too, and closes nothing."""
    both, vehicle = braked_together(), preset("regents_fixed").made_vehicle()
    away = both.traffic.log.states.y.clone()
    away[0, 1] += 40.0
    log = replace(both.traffic.log, states=both.traffic.log.states._replace(y=away))
    driven = vehicle.roll(log, vehicle.actions_of(log))
    aside = replace(both, traffic=replace(both.traffic, log=log, driven=driven), states=vehicle.roll(log, both.actions))
    assert {entry.who for entry in fault_ledger(aside, vehicle, 0)} == {0}
