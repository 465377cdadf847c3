"""The tables that were measured with the reference on 40 real scenes: attacks, and what their certificates say."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.scenarios.certificate import AVOIDABLE, FORESIGHT, UNAVOIDABLE, Certificate, Escapes, certify
from antigrad.scenarios.dynamics import wrap
from antigrad.scenarios.fault import contact_of
from antigrad.scenarios.gap import Box
from antigrad.scenarios.tools import CONTACT, HIT, Outcome
from helpers.recorded import ALL, CENTRES, CLOSEST, FULL_STEER, ROAD, SPLIT, attacked, result

pytestmark = pytest.mark.slow
WORKING = CENTRES | {ROAD: 20.0}
KING = ["vehicles", "seen"]
ATTACKS: dict[str, tuple[str, dict[str, Any], tuple[int, int], float]] = {
    "king mode": (
        "log_replay",
        {"costs": WORKING, "step_first": 1e-3, "steering": ["vehicles", "seen"]},
        (27, 40),
        7.8,
    ),
    "released": ("log_replay", {"costs": CENTRES, "step_first": 1e-3}, (25, 39), 13.0),
    "released, road term working": ("log_replay", {"costs": WORKING, "step_first": 1e-3}, (26, 39), 13.4),
    "gap": ("log_replay", {"step_first": 1e-3}, (22, 39), 8.0),
    "gap, whole steering step": ("log_replay", {"step_first": 1e-3, "steering": FULL_STEER}, (23, 39), 9.2),
    "gap, steps of its own": ("log_replay", {"step_first": 0.05}, (32, 39), 18.7),
    "gap, both": ("log_replay", SPLIT, (32, 39), 18.4),
    "closest approach": ("log_replay", SPLIT | {"costs": CLOSEST}, (32, 39), 10.0),
    "all obstacles": ("log_replay", SPLIT | {"costs": ALL}, (29, 39), 8.7),
    "released, IDM": ("idm", {"costs": WORKING, "step_first": 1e-3}, (15, 33), 16.6),
    "closest approach, IDM": ("idm", SPLIT | {"costs": CLOSEST}, (26, 33), 11.4),
    "all obstacles, IDM": ("idm", SPLIT | {"costs": ALL}, (21, 33), 13.4),
    "one job a candidate, IDM": ("idm", SPLIT | {"costs": ALL, "jobs": "candidate"}, (26, 33), 11.2),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_success_and_deviation_of_each_attack(name: str) -> None:
    """Within two scenes and 15 % of the reference, which is another programme with other sums."""
    planner, changes, (hit, of), deviation = ATTACKS[name]
    found = result(planner, **changes)
    assert found.attacked == of
    assert abs(found.hit - hit) <= 2
    assert found.all_deviation == pytest.approx(deviation, rel=0.15)


CERTIFICATES: dict[str, tuple[str, dict[str, Any], tuple[int, int], dict[str, int], int, float]] = {
    "released": (
        "log_replay",
        {"costs": CENTRES, "step_first": 1e-3},
        (16, 39),
        {AVOIDABLE: 9, FORESIGHT: 7, UNAVOIDABLE: 0, "front": 9, "side": 4, "rear": 3, "ego strikes": 8},
        10,
        0.9,
    ),
    "all obstacles": (
        "log_replay",
        SPLIT | {"costs": ALL},
        (27, 39),
        {AVOIDABLE: 21, FORESIGHT: 5, UNAVOIDABLE: 1, "front": 12, "ego strikes": 8},
        17,
        1.1,
    ),
    "all obstacles, IDM": (
        "idm",
        SPLIT | {"costs": ALL},
        (18, 33),
        {AVOIDABLE: 13, FORESIGHT: 5, UNAVOIDABLE: 0, "front": 7, "side": 6, "rear": 5, "ego strikes": 4},
        13,
        1.1,
    ),
}
"""Hits, verdicts, zones, who strikes; where braking alone suffices; median lead in s. Side and rear of the second are
left out, 7 and 8 there, 4 and 10 here: of contacts near 135° a few fall on the other side."""


@pytest.mark.parametrize("name", CERTIFICATES)
def test_certificates_of_each_attack(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within two scenes; braking alone suffices as often as there by its rule for followers, more often by ours."""
    planner, changes, (hit, of), counts, braking, lead = CERTIFICATES[name]
    found = attacked(planner, **changes, iterations=100)
    mine = certified(found)
    told = Counter(one.verdict for one in mine)
    rows = hits_of(found)
    contacts = [contact_of(found.view, row, int(found.striker[row]), int(found.hit_step[row])) for row in rows]
    told.update(one.zone for one in contacts)
    told["ego strikes"] = sum(one.ego_strikes for one in contacts)
    assert sum(status != CONTACT for status in found.status) == of
    assert abs(len(mine) - hit) <= 2
    for key, count in counts.items():
        assert abs(told[key] - count) <= 2, key
    assert statistics.median(one.lead for one in mine if one.lead is not None) == pytest.approx(lead, abs=0.21)
    monkeypatch.setattr(Escapes, "_followed", step_by_step)
    theirs = certified(found)
    assert abs(sum(one.braking for one in theirs) - braking) <= 2
    assert all(a.braking >= b.braking for a, b in zip(mine, theirs, strict=True))
    assert sum(a.verdict != b.verdict for a, b in zip(mine, theirs, strict=True)) <= 2


def hits_of(found: Outcome) -> list[int]:
    return [row for row, status in enumerate(found.status) if status == HIT]


def certified(found: Outcome) -> list[Certificate]:
    rows = hits_of(found)
    return certify(found.view, rows, found.striker[rows].tolist(), found.hit_step[rows].tolist())


def step_by_step(self: Escapes, other: Box, found: Tensor, place: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """The reference's rule: only the steps on which an object is behind are left out, not what follows on them."""
    j, q, k = place
    s, step = self.start[q], self.step[q]
    dx, dy = other.x[j, step] - self.box.x[q, k], other.y[j, step] - self.box.y[q, k]
    bearing = wrap(torch.atan2(dy, dx) - torch.atan2(self.box.sin[q, k], self.box.cos[q, k]))
    ahead = bearing.abs() <= 3 * math.pi / 4
    blocked = torch.zeros_like(found)
    blocked[j[ahead], s[ahead], k[ahead]] = True
    return found & ~blocked
