"""Scenes as the page plays them: who is where, the gap at the contact, the escape after the last safe start."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from antigrad.core.page import ARTIFACT, Actor, PlayedScene, Track
from antigrad.core.runs import RunFolder
from antigrad.scenarios.diagnostics import no_slip_offset
from antigrad.scenarios.io import WRITERS
from antigrad.scenarios.scenario import ScenarioConfig, page, scenario
from antigrad.scenarios.scenario.findings import best_of_scenes, jobs_of
from antigrad.scenarios.scenario.playback import played
from antigrad.scenarios.scenario.trace import ended
from antigrad.scenarios.synthetic import generate
from helpers.traffic import Car, scene

CARS = (
    Car(speed=10),
    Car(x=75, y=4.3, yaw=3.1, speed=9),
    Car(x=22, y=-4.4, yaw=-0.02, speed=8),
    Car(x=90, y=7, speed=0),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A scene of 61 steps, batched with one of 81."""
    import numpy as np

    top = tmp_path_factory.mktemp("playback")
    edges = (np.array([[-200.0, -8.0], [300.0, -8.0]]), np.array([[300.0, 8.0], [-200.0, 8.0]]))
    for name, steps, cars in (("long", 81, CARS[:1] + CARS[3:]), ("short", 61, CARS)):
        made = scene(*cars, steps=steps, name=name)
        made = replace(made, records=tuple(replace(record, edges=edges) for record in made.records))
        WRITERS.make("antigrad")(made, top / "scenes" / name)
    return scenario(
        ScenarioConfig([str(top / "scenes")], "log_replay", output=top / "run", iterations=60, steering=["static"])
    )


@pytest.fixture
def best(run: RunFolder) -> dict[str, Any]:
    return next(row for row in best_of_scenes(jobs_of(run)) if row["scene"] == "short")


def actor(found: PlayedScene, role: str) -> Actor:
    return next(one for one in found.actors if one.role == role)


def test_gap_and_contact_belong_together(run: RunFolder, best: dict[str, Any]) -> None:
    found = played(run, best)
    line = found.lines[0].values
    step = best["contact_step"]
    assert len(line) == 61
    assert line[step] is not None
    assert line[step] <= 0 < min(value for value in line[:step] if value is not None)
    assert min(value for value in found.lines[0].before if value is not None) > 0
    assert max(value for value in line if value is not None) <= 15
    assert [mark.label for mark in found.marks] == ["attack visible", "last safe start", "contact"]
    assert found.start == max(0, step - 25)


def test_who_is_where(run: RunFolder, best: dict[str, Any]) -> None:
    found, whole = played(run, best), ended(run, best)
    assert [one.role for one in found.actors].count("other") == 2
    ego, adversary = actor(found, "ego"), actor(found, "adversary")
    assert adversary.label == best["striker_name"]
    number = best["striker"]
    assert adversary.now.x == pytest.approx(whole.after[number, :61, 0].tolist(), abs=1e-3)
    assert adversary.before.x == pytest.approx(whole.before[number, :61, 0].tolist(), abs=1e-3)
    assert (ego.length, ego.width) == pytest.approx((4.5, 2.0))
    assert all(not one.before.x for one in found.actors if one.role == "other")
    assert len(found.edges) == 2
    assert found.edges[0] == [-200.0, -8.0, 300.0, -8.0]


def test_the_escape_begins_after_the_last_safe_start(run: RunFolder, best: dict[str, Any]) -> None:
    found = played(run, best)
    escape, ego = actor(found, "escape").now, actor(found, "ego").now
    first = round(best["last_s"] / 0.1)
    assert [value is None for value in escape.x[: first + 1]] == [True] * (first + 1)
    assert escape.x[first + 1] is not None
    step = math.hypot(escape.x[first + 1] - (ego.x[first] or 0), (escape.y[first + 1] or 0) - (ego.y[first] or 0))
    assert 0.5 < step < 1.2  # one step at 10 m/s, braking or not
    assert escape.x[best["contact_step"]] is not None


def test_escapes_and_road_are_on_the_timeline(run: RunFolder, best: dict[str, Any]) -> None:
    lines = {line.label: line for line in played(run, best).lines}
    open_ = lines["escapes open"].values
    last, step = round(best["last_s"] / 0.1), best["contact_step"]
    assert open_[last] > 0
    assert open_[step] == 0
    assert all(value is None for value in open_[step + 1 :])
    off = lines["adversary off the road"]
    assert max(value for value in off.values if value is not None) == pytest.approx(best["off_road"], abs=5e-3)
    assert max(value for value in off.before if value is not None) == pytest.approx(best["off_road_before"], abs=5e-3)


def test_the_verdict_says_until_when(run: RunFolder, best: dict[str, Any]) -> None:
    text = played(run, best).verdict
    assert text.startswith({"avoidable": "Avoidable", "needs foresight": "Needs foresight"}[best["verdict"]])
    assert f"{best['last_s']:.1f} s" in text


def test_from_both_ends_of_the_ranking_as_many_as_fit(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    one = PlayedScene(
        "x", "", "neutral", 0.1, 0, [Actor("ego", "ego", 4.0, 2.0, Track([0.0] * 9, [0.0] * 9, [0.0] * 9))]
    )
    monkeypatch.setattr(page, "played", lambda run, row: replace(one, label=row["trace"]))
    monkeypatch.setattr(page, "whole", lambda run, rows: rows)
    rows = [{"trace": str(n)} for n in range(6)]
    for most, wanted in ((0, ""), (1, "0"), (2, "05"), (3, "015"), (5, "01245"), (9, "012345")):
        assert "".join(page.chosen(run, rows, most)) == wanted
    monkeypatch.setattr(page, "_ROOM", 1000)
    few = page.chosen(run, rows, 6)
    assert 1 <= len(few) < 6
    assert next(iter(few)) == "0"


def test_the_page_counts_what_it_does_not_play(run: RunFolder) -> None:
    config = ScenarioConfig(planner="log_replay", output=run.path, shown=0)
    page.describe(run, config)
    told = run.read_json(ARTIFACT)
    table = next(section for section in told["sections"] if section["kind"] == "table")
    assert table["filters"] == ["hit", "verdict", "format", "planner"]
    assert [row["scene"] for row in table["rows"]] == ["short", "long"]
    assert table["rows"][0]["hit"] == "yes"
    assert {row["planner"] for row in table["rows"]} == {"log_replay"}
    assert "scene" not in {section["kind"] for section in told["sections"]}
    page.describe(run, replace(config, shown=8))
    assert "scene" in {section["kind"] for section in run.read_json(ARTIFACT)["sections"]}


def test_doubts_of_the_reading_are_in_rows_and_page(tmp_path: Path) -> None:
    """The ego of a bend, recorded at its rear axle; and one that was read well."""
    made = next(
        s for s in (generate("roundabout", 6, seed) for seed in range(20)) if not math.isnan(no_slip_offset(s)[0])
    )
    ego = int(made.ego[0])
    xy, yaw = made.xy.clone(), made.yaw[0, ego]
    xy[0, ego] -= 1.3 * torch.stack([yaw.cos(), yaw.sin()], -1)
    for name, one in (("well", made), ("axle", replace(made, xy=xy))):
        records = (replace(one.records[0], id=name),)
        WRITERS.make("antigrad")(replace(one, records=records), tmp_path / "scenes" / name)
    run = scenario(ScenarioConfig([str(tmp_path / "scenes")], "log_replay", output=tmp_path / "run", iterations=1))
    warnings = {row["scene"]: row["warnings"] for row in jobs_of(run)}
    assert warnings["well"] == []
    (warning,) = warnings["axle"]
    assert "ahead of its rear axle" in warning
    told = json.dumps(run.read_json(ARTIFACT))
    assert "scenes whose reading is doubtful: the point of the ego" in told
