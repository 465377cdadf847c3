"""What the job makes of scenes that can't be read, attacked or told apart, and of none at all."""

from dataclasses import replace
from pathlib import Path

import pytest

from antigrad.core.errors import ManyInputsError
from antigrad.scenarios.io import WRITERS
from antigrad.scenarios.scenario import ScenarioConfig, scenario
from antigrad.scenarios.scenario.findings import jobs_of
from antigrad.scenarios.scenario.trace import ended
from helpers.scenario_folders import ATTACKABLE, QUICK, TOUCHING, folder_of
from helpers.scene_files import tfrecord, womd_scenario
from helpers.traffic import Car, scene


def test_nothing_readable_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"objects": [], "roads": [')
    with pytest.raises(ManyInputsError, match=r"broken\.json"):
        scenario(ScenarioConfig([str(tmp_path)], output=tmp_path / "run", **QUICK))


def test_an_ego_alone_has_nobody_to_attack_it_and_an_empty_file_is_refused(tmp_path: Path) -> None:
    places = folder_of(tmp_path / "scenes", (Car(speed=10),), ATTACKABLE)
    (places / "empty.json").write_text('{"objects": [], "roads": []}')
    found = scenario(ScenarioConfig([str(places)], "log_replay", output=tmp_path / "run", **QUICK))
    told = {row["scene"]: row["status"] for row in jobs_of(found)}
    assert told["scene 0"] == "no candidate"
    assert told["scene 1"] == "hit"
    (refused,) = found.ledger.rows("refused")
    assert "empty.json" in refused["source"]
    assert refused["reason"].startswith("given: ")


def test_two_scenes_of_one_name_are_two_scenes(tmp_path: Path) -> None:
    """One recording in two formats, or two cuts of it: each keeps its own trace, in one batch as in two."""
    for number, cars in enumerate((ATTACKABLE, TOUCHING)):
        WRITERS.make("antigrad")(scene(*cars, steps=51, name="same"), tmp_path / "scenes" / str(number))
    for batch in (1, 2):
        config = ScenarioConfig(
            [str(tmp_path / "scenes")], "log_replay", output=tmp_path / str(batch), batch=batch, **QUICK
        )
        found = scenario(config)
        assert found.summary["scenes"] == 2
        rows = jobs_of(found)
        assert [row["status"] for row in rows] == ["hit", "hit", "contact at the start"]
        assert len({row["trace"] for row in rows}) == 2
        assert [len(ended(found, row).size) for row in rows] == [3, 3, 2] if batch == 1 else [3, 3, 3]
        assert float(ended(found, rows[2]).before[1, 0, 0]) == 3.0


def test_a_scene_that_needs_an_endless_map_is_refused_and_the_others_of_its_batch_go_on(tmp_path: Path) -> None:
    """A position kilometres away, which a recording may hold: the raster of that scene would have 25 million cells."""
    places = folder_of(tmp_path / "scenes", ATTACKABLE, (*ATTACKABLE, Car(x=5000.0, y=5000.0)))
    found = scenario(ScenarioConfig([str(places)], "log_replay", output=tmp_path / "run", **QUICK))
    assert {row["scene"]: row["status"] for row in jobs_of(found)} == {"scene 0": "hit"}
    (refused,) = found.ledger.rows("refused")
    assert "scene 1" in refused["reason"]
    assert "cells" in refused["reason"]
    assert found.summary["refused"] == 1


def test_one_bad_scene_of_a_file_is_refused_and_the_others_are_attacked(tmp_path: Path) -> None:
    made = scene(*ATTACKABLE, steps=51, name="good")
    bad = womd_scenario(made)
    bad.tracks[0].states[3].x = 1e30
    (tmp_path / "scenes").mkdir()
    tfrecord(tmp_path / "scenes" / "a.tfrecord", womd_scenario(made), bad, womd_scenario(made))
    found = scenario(ScenarioConfig([str(tmp_path / "scenes")], "log_replay", output=tmp_path / "run", **QUICK))
    assert found.summary["scenes"] == found.summary["scenes_hit"] == 2
    (refused,) = found.ledger.rows("refused")
    assert "object 0 at state 3" in refused["reason"]


def test_a_log_of_one_state_is_refused(tmp_path: Path) -> None:
    WRITERS.make("antigrad")(scene(Car(), Car(y=5), steps=1, name="short"), tmp_path / "scenes" / "0")
    with pytest.raises(ManyInputsError, match="2 at least"):
        scenario(ScenarioConfig([str(tmp_path / "scenes")], output=tmp_path / "run", **QUICK))


def test_synthetic_traffic_without_arguments(tmp_path: Path) -> None:
    found = scenario(ScenarioConfig(output=tmp_path / "run", synthetic=2, agents=8, **QUICK))
    assert {row["source"] for row in jobs_of(found)} == {"synthetic"}
    again = scenario(ScenarioConfig(output=tmp_path / "again", synthetic=2, agents=8, batch=1, **QUICK))
    assert [row["scene"] for row in jobs_of(found)] == [row["scene"] for row in jobs_of(again)]


def test_a_map_that_the_log_is_off_is_left_out(tmp_path: Path) -> None:
    off = tuple(replace(car, y=car.y + 30) for car in ATTACKABLE)
    found = scenario(
        ScenarioConfig([str(folder_of(tmp_path / "s", off))], "log_replay", output=tmp_path / "run", **QUICK)
    )
    row = jobs_of(found)[0]
    assert "map left out: 100%" in row["notes"][0]
    assert row["cost/road_depth"] == 0
    assert row["off_road"] is row["off_road_before"] is None  # not 0: nobody knows
    assert found.summary["scenes_hit"] == 1
    assert found.summary["off_road_share"] is found.summary["off_road_increase_m"] is None
    assert bool(ended(found, row).off_road.isnan().all())
