"""The attack on real Waymo scenes: what must hold between configurations, and that the job runs on every format."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.scenarios.dynamics import States
from antigrad.scenarios.gap import Box, boxes, separation
from antigrad.scenarios.scenario import ScenarioConfig, scenario
from antigrad.scenarios.scenario.trace import Ended, ended
from antigrad.scenarios.tools import HIT
from helpers.data import shared
from helpers.recorded import CENTRES, CLOSEST, FULL_STEER, ROAD, result


@pytest.mark.slow
def test_the_step_size_of_acceleration_decides_and_the_steering_factor_does_not() -> None:
    """32 and 22 of 39 scenes were measured with the reference; the factor alone gave 23."""
    slow = result(step_first=1e-3)
    fast = result(step_first=0.05)
    full = result(step_first=1e-3, steering=FULL_STEER)
    assert slow.attacked == 39
    assert fast.hit >= slow.hit + 6
    assert abs(full.hit - slow.hit) <= 3
    assert abs(fast.hit - 32) <= 2
    assert abs(slow.hit - 22) <= 2


@pytest.mark.slow
def test_the_closest_approach_deviates_less_than_the_mean_over_time() -> None:
    mean = result(step_first=0.05, steering=FULL_STEER)
    closest = result(step_first=0.05, steering=FULL_STEER, costs=CLOSEST)
    assert abs(closest.hit - mean.hit) <= 2
    assert closest.all_deviation <= 0.65 * mean.all_deviation
    assert mean.all_deviation == pytest.approx(18.4, rel=0.15)
    assert closest.all_deviation == pytest.approx(10.0, rel=0.15)


@pytest.mark.slow
def test_the_released_objective() -> None:
    """Without a road term: 25 of 39, median iteration 30, mean deviation 13.0 m; with a working one, less off-road."""
    released = result(step_first=1e-3, costs=CENTRES)
    working = result(step_first=1e-3, costs=CENTRES | {ROAD: 20.0})
    assert abs(released.hit - 25) <= 2
    assert released.all_deviation == pytest.approx(13.0, rel=0.15)
    assert abs(released.iteration - 30) <= 3
    assert released.deep / released.hit >= 2 * working.deep / working.hit


@pytest.mark.slow
def test_one_job_a_candidate_hits_more_scenes_than_one_for_all() -> None:
    costs = {"closest_approach": 1.0, "contact": 5.0, "road_depth": 20.0}
    common: dict[str, Any] = {"step_first": 0.05, "steering": FULL_STEER, "costs": costs}
    joint = result("idm", **common)
    single = result("idm", **common, jobs="candidate")
    assert single.hit >= joint.hit + 3
    assert abs(single.hit - 26) <= 2
    assert joint.attacked == single.attacked


@pytest.mark.parametrize(
    "place",
    ["womd_tfrecord", "av2_motion_forecasting", "av2_sensor_logs", "commonroad_ngsim", "womd_gpudrive_json"],
)
def test_every_format_goes_through_the_job(place: str, tmp_path: Path) -> None:
    folder = shared(f"scenarios/{place}")
    run = scenario(ScenarioConfig([str(folder)], output=tmp_path / "run", iterations=3, max_objects=12, shown=1))
    assert run.summary["scenes"] >= 1
    assert run.summary["refused"] == 0
    assert (run.path / "artifacts" / "page.json").exists()


def test_the_certificate_of_real_hits_replays(tmp_path: Path) -> None:
    """The ego that takes the escape, from the trace as it is kept, touches nobody that was counted."""
    folder = shared("scenarios/womd_gpudrive_json")
    run = scenario(ScenarioConfig([str(folder)], "log_replay", output=tmp_path / "run", iterations=40, shown=1))
    rows = [row for row in run.ledger.rows("job") if row["status"] == HIT]
    assert any(row["last_s"] is not None for row in rows)
    for row in rows:
        assert row["verdict"] in ("avoidable", "needs foresight", "unavoidable")
        assert (row["last_s"] is None) == (row["verdict"] == "unavoidable")
        if row["last_s"] is None:
            assert not any(row["open"])
            continue
        found = ended(run, row)
        first = round(row["last_s"] / row["dt"]) + 1
        ego = found.ego_before.clone()
        ego[:first] = found.after[0, :first]
        assert found.escape is not None
        ego[first : first + len(found.escape)] = found.escape
        until = first + len(found.escape)
        assert until > row["contact_step"]
        driven = (ego[first:until, :2] - ego[first - 1 : until - 1, :2]).norm(dim=-1)
        assert float(driven.diff().abs().max()) < 6.0 * row["dt"] ** 2 + 0.01  # no faster or slower than 6 m/s²
        assert touched(found, ego, slice(first, until), row["striker"]) == []


def touched(found: Ended, ego: Tensor, steps: slice, striker: int) -> list[int]:
    """Objects an ego touches in some steps, but for contacts of the record and those from behind it."""
    met: list[int] = []
    for number in range(1, len(found.size)):
        own, other = box_of(ego[steps], found.size[0]), box_of(found.after[number, steps], found.size[number])
        contact = ((separation(own, other) <= 0) & found.there[number, steps]).nonzero()
        recorded = separation(box_of(found.before[0], found.size[0]), box_of(found.before[number], found.size[number]))
        if not len(contact) or bool(((recorded <= 0) & found.valid[number] & found.valid[0]).any()):
            continue
        x, y, _ = (found.after[number, steps][contact[0, 0]] - ego[steps][contact[0, 0]]).tolist()
        bearing = math.remainder(math.atan2(y, x) - float(ego[steps][contact[0, 0], 2]), 2 * math.pi)
        if number == striker or abs(bearing) <= 3 * math.pi / 4:
            met.append(number)
    return met


def box_of(pose: Tensor, size: Tensor) -> Box:
    x, y, yaw = pose.unbind(-1)
    return boxes(States(x, y, yaw, torch.zeros_like(x)), size)
