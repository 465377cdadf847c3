"""The job: rows, resume, planners, pictures, and what the rows add up to."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from antigrad.core.errors import AntigradError, ManyInputsError
from antigrad.core.ledger import Ledger
from antigrad.core.page import ARTIFACT
from antigrad.core.runs import RunFolder
from antigrad.scenarios.io import READERS, WRITERS
from antigrad.scenarios.scenario import ScenarioConfig, scenario
from antigrad.scenarios.scenario.animation import AROUND, SIDE, frames
from antigrad.scenarios.scenario.findings import best_of_scenes, jobs_of, ranked, summary_of, wilson
from antigrad.scenarios.scenario.settings import WEIGHTS
from antigrad.scenarios.scenario.trace import ended
from helpers.scenario_folders import ATTACKABLE, PEOPLE, QUICK, TOUCHING, folder_of
from helpers.traffic import scene


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    top = tmp_path_factory.mktemp("scenario")
    places = folder_of(top / "scenes", ATTACKABLE, PEOPLE, TOUCHING)
    (places / "broken.json").write_text('{"objects": [], "roads": [')
    return scenario(
        ScenarioConfig([str(places)], "log_replay", output=top / "run", write="antigrad", animate=1, **QUICK)
    )


def test_one_row_a_job_and_every_scene_is_accounted_for(run: RunFolder) -> None:
    rows = jobs_of(run)
    told = {row["scene"]: [r["status"] for r in rows if r["scene"] == row["scene"]] for row in rows}
    assert told == {"scene 0": ["hit", "hit"], "scene 1": ["no candidate"], "scene 2": ["contact at the start"]}
    assert [row["striker_name"] for row in rows[:2]] == ["car 1", "car 2"]
    refused = run.ledger.rows("refused")
    assert len(refused) == 1
    assert "broken.json" in refused[0]["source"]


def test_summary(run: RunFolder) -> None:
    figures = run.summary
    assert figures == json.loads(json.dumps(summary_of(run)))
    counts = {"scenes": 3, "jobs": 3, "refused": 1, "scenes_attacked": 1, "scenes_hit": 1, "jobs_hit": 2}
    counts |= {"scenes_without_candidate": 1, "scenes_with_contact_at_start": 1, "success": 1.0}
    assert {key: figures[key] for key in counts} == counts
    verdicts = [row["verdict"] for row in jobs_of(run) if row["status"] == "hit"]
    assert figures["jobs_avoidable"] == verdicts.count("avoidable")
    shares = [figures[f"{verdict}_share"] for verdict in ("avoidable", "needs_foresight", "unavoidable")]
    assert sum(shares) == pytest.approx(1.0)


def test_rows_say_what_happened(run: RunFolder) -> None:
    for row in ranked(jobs_of(run)):
        assert row["ego_gap"] <= 0 < row["ego_gap_before"]
        assert row["contact_s"] == pytest.approx(row["contact_step"] * 0.1)
        assert row["third_gap"] > -0.1
        assert row["log_deviation"] > 0.3
        assert row["time_to_collision"] == 0
        assert {"effect/closest_approach", "cost/contact", "safe_low", "cos", "verdict", "ledger"} <= set(row)
        assert row["last_s"] is None or row["last_s"] < row["contact_s"]
        assert len(row["open"]) == len(row["open_s"])


def test_traces_hold_before_and_after(run: RunFolder) -> None:
    for row in ranked(jobs_of(run)):
        found = ended(run, row)
        moved = (found.after - found.before)[:, : row["contact_step"] + 1, :2].norm(dim=-1).amax(-1)
        assert (moved > 1e-6).nonzero()[:, 0].tolist() == [row["striker"]]
        assert float(moved[row["striker"]]) == pytest.approx(row["log_deviation"], rel=1e-4)


def test_attacked_scenes_are_written_and_read_back(run: RunFolder) -> None:
    (read,) = list(READERS.make("antigrad")(run.path / "artifacts" / "scenes" / "00000"))
    best = best_of_scenes(jobs_of(run))[0]
    after = ended(run, best).after
    torch.testing.assert_close(read.xy[0].float(), after[..., :2], atol=1e-4, rtol=0)


def test_without_certificates_nothing_is_said_of_avoiding(tmp_path: Path) -> None:
    places = [str(folder_of(tmp_path / "scenes", ATTACKABLE))]
    found = scenario(ScenarioConfig(places, "log_replay", output=tmp_path / "run", certify=False, **QUICK))
    assert found.summary["jobs_hit"] == 2
    assert found.summary["jobs_avoidable"] is found.summary["avoidable_share"] is None
    page = found.read_json(ARTIFACT)
    assert page["verdict"]["answer"] == "Yes: in 1 of 1 scenes that could be attacked."
    table = next(section for section in page["sections"] if section["title"] == "All scenes")
    assert table["rows"][0]["verdict"] == "not certified"


@pytest.mark.parametrize("form", WRITERS.names())
def test_a_batch_without_a_hit_writes_nothing(tmp_path: Path, form: str) -> None:
    """The first batch has nobody to attack it, the second is hit."""
    places = [str(folder_of(tmp_path / "scenes", PEOPLE, ATTACKABLE))]
    config = ScenarioConfig(places, "log_replay", output=tmp_path / "run", write=form, batch=1, **QUICK)
    found = scenario(config)
    assert [row["status"] for row in jobs_of(found)] == ["no candidate", "hit", "hit"]
    assert [folder.name for folder in (found.path / "artifacts" / "scenes").iterdir()] == ["00001"]


def test_scenes_of_two_time_steps_are_both_written(tmp_path: Path) -> None:
    for number, step in enumerate((0.1, 0.2)):
        made = replace(scene(*ATTACKABLE, steps=51, name=f"scene {number}"), dt=step)
        made = replace(made, vel=made.vel * 0.1 / step)
        WRITERS.make("antigrad")(made, tmp_path / "scenes" / str(number))
    config = ScenarioConfig(
        [str(tmp_path / "scenes")], "log_replay", output=tmp_path / "run", write="antigrad", **QUICK
    )
    found = scenario(config)
    hit = {row["scene"] for row in jobs_of(found) if row["status"] == "hit"}
    folders = sorted((found.path / "artifacts" / "scenes").iterdir())
    read = [one for folder in folders for one in READERS.make("antigrad")(folder)]
    assert [one.dt for one in read] == [0.1, 0.2]
    assert {one.records[0].id for one in read} == hit == {"scene 0", "scene 1"}


def test_a_moving_picture_shows_the_contact(run: RunFolder) -> None:
    (file,) = (run.path / "artifacts" / "animations").iterdir()
    best = best_of_scenes(jobs_of(run))[0]
    with Image.open(file) as picture:
        assert picture.format == "WEBP"
        assert picture.n_frames == len(range(0, min(51, best["contact_step"] + 11), 2))  # type: ignore[attr-defined]
        picture.seek(0)
        first = picture.convert("RGB").getcolors(1 << 18)
        picture.seek(picture.n_frames - 1)  # type: ignore[attr-defined]
        last = picture.convert("RGB").getcolors(1 << 18)
    assert first
    assert last
    red = [[count for count, (r, g, b) in found if r > 150 and g < 60 and b < 60] for found in (first, last)]
    assert sum(red[0]) < sum(red[1])


def test_a_moving_picture_shows_the_road(run: RunFolder) -> None:
    """The ego drives in the middle of a road 16 m wide: 5 m to its left is road, 12 m is not."""
    best = best_of_scenes(jobs_of(run))[0]
    picture, metre = frames(ended(run, best), best["striker"], best["contact_step"])[0], SIDE / 2 / AROUND
    near, far = (picture.getpixel((SIDE // 2 - 40, round(SIDE / 2 - aside * metre))) for aside in (5, 12))
    assert near != far
    assert far == picture.getpixel((SIDE - 1, SIDE - 1))


def test_the_page_has_its_sections(run: RunFolder) -> None:
    page = run.read_json(ARTIFACT)
    titles = [section["title"] for section in page["sections"]]
    assert titles[:3] == ["Result", "Scenes", "All scenes"]
    assert "How this attack differs from the presets" in titles
    kinds = [section["kind"] for section in page["sections"]]
    assert kinds[:3] == ["cards", "scene", "table"]
    assert "chart" not in kinds
    effects = next(section for section in page["sections"] if section["title"] == "What the last updates did")
    weights = {row["cost"]: row["weight"] for row in effects["rows"]}
    assert weights["closest_approach"] == 1
    assert weights["deviation"] == 0  # no part of the attack, but of what it did
    assert "1 of 1 scenes" in page["verdict"]["answer"]


class Killed(BaseException):
    """What a kill looks like from inside."""


def test_a_killed_run_resumes_to_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [str(folder_of(tmp_path / "scenes", ATTACKABLE, ATTACKABLE, PEOPLE))]
    whole = scenario(ScenarioConfig(places, output=tmp_path / "whole", batch=1, **QUICK))
    config = ScenarioConfig(places, output=tmp_path / "cut", batch=1, **QUICK)
    append, count = Ledger.append, [0]

    def die(self: Ledger, row: Any) -> None:
        count[0] += 1
        if count[0] == 5:  # in the middle of the second piece
            raise Killed
        append(self, row)

    monkeypatch.setattr(Ledger, "append", die)
    with pytest.raises(Killed):
        scenario(config)
    monkeypatch.setattr(Ledger, "append", append)
    with pytest.raises(AntigradError, match="resume"):
        scenario(config)
    again = scenario(replace(config, resume=True))
    assert jobs_of(again) == jobs_of(whole)
    assert again.summary == whole.summary
    assert len(again.ledger.rows("job")) > len(jobs_of(again))  # the cut piece was begun twice


@pytest.mark.parametrize("harm", [lambda path: path.write_bytes(path.read_bytes()[:-7]), Path.unlink])
def test_a_damaged_trace_is_made_again(tmp_path: Path, harm: Any, capsys: pytest.CaptureFixture[str]) -> None:
    places = [str(folder_of(tmp_path / "scenes", ATTACKABLE, ATTACKABLE))]
    config = ScenarioConfig(places, output=tmp_path / "run", batch=1, **QUICK)
    rows, page = jobs_of(run := scenario(config)), run.read_json("page.json")
    trace = run.artifact(rows[-1]["trace"])
    before = trace.read_bytes()
    harm(trace)
    again = scenario(replace(config, resume=True))
    assert trace.read_bytes() == before
    assert jobs_of(again) == rows
    assert again.read_json("page.json") == page
    assert "batch 2 is done again" in capsys.readouterr().err
    assert len(again.ledger.rows("piece")) == 3


def test_batches_do_not_change_the_figures(tmp_path: Path) -> None:
    places = [str(folder_of(tmp_path / "scenes", ATTACKABLE, ATTACKABLE, TOUCHING))]
    summaries = [
        scenario(ScenarioConfig(places, "log_replay", output=tmp_path / str(batch), batch=batch, **QUICK)).summary
        for batch in (1, 3)
    ]
    assert summaries[0] == pytest.approx(summaries[1], rel=1e-4, nan_ok=True)


def test_a_planner_that_raises_is_a_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad_planner.py").write_text("def plan(ego, others, route):\n    raise RuntimeError('no idea')\n")
    monkeypatch.chdir(tmp_path)
    places = [str(folder_of(tmp_path / "scenes", ATTACKABLE))]
    found = scenario(ScenarioConfig(places, "bad_planner:plan", output=tmp_path / "run", **QUICK))
    assert {row["status"] for row in jobs_of(found)} == {"planner failed"}
    assert all("no idea" in row["note"] for row in jobs_of(found))
    assert found.summary["scenes_where_planner_failed"] == 1
    assert found.summary["scenes_hit"] == 0
    assert found.summary["scenes_attacked"] == 0  # it was never put to the test: "not hit" would be a lie
    assert found.summary["success"] is None
    verdict = found.read_json(ARTIFACT)["verdict"]
    assert "Unknown: the planner failed in 1 of 1 scenes" in verdict["answer"]
    assert verdict["tone"] != "good"


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "ModuleNotFoundError"), ("x = 1\n", "AttributeError"), ("1 / 0\n", "ZeroDivisionError"),
     ("import os\nos._exit(3)\n", "without an answer")],
)  # fmt: skip
def test_a_planner_that_is_not_there_begins_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "absent_planner.py").write_text(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ManyInputsError, match=f"absent_planner.*{why}"):
        scenario(ScenarioConfig(synthetic=1, planner="absent_planner:plan", output=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_all_problems_of_the_settings_at_once() -> None:
    with pytest.raises(ManyInputsError) as caught:
        ScenarioConfig(
            ["no/such/place"],
            planner="imd",
            without=["diverge"],
            costs={"contct": 1.0},
            weight="free",
            batch=0,
            write="xml",
            max_objects=1,
            refresh=0,
        )
    text = str(caught.value)
    for part in (
        "no/such/place",
        "'imd'",
        "'diverge'",
        "'contct'",
        "'free'",
        "batch=0",
        "'xml'",
        "max_objects=1",
        "refresh=0",
    ):
        assert part in text, part
    assert WEIGHTS == ("fixed", "safe")


def test_without_leaves_rules_out() -> None:
    recipe = ScenarioConfig(without=["diverging", "drift"]).recipe()
    assert recipe.steering == ["vehicles", "seen", "static", "behind"]
    assert (
        ScenarioConfig(preset="regents_released", without=["static"]).recipe().steering[2] == "behind(valid_only=false)"
    )
    changed = ScenarioConfig(jobs="scene", iterations=7, costs={"gap_mean": 1.0}).recipe()
    assert (changed.jobs, changed.iterations, changed.costs) == ("scene", 7, {"gap_mean": 1.0})


def test_the_papers_rates_are_shares_of_149_scenes_alone() -> None:
    """48.99 % and 60.40 % of at most 200 scenes; the intervals are 8 points to each side."""

    def counts(rate: str) -> dict[int, int]:
        return {of: n for of in range(100, 201) for n in range(of) if f"{100 * n / of:.2f}" == rate}

    both = {of: (counts("48.99")[of], counts("60.40")[of]) for of in counts("48.99") if of in counts("60.40")}
    assert both == {149: (73, 90)}
    for count in both[149]:
        low, high = wilson(count, 149)
        assert 0.07 < (high - low) / 2 < 0.09


@pytest.mark.parametrize(("count", "of"), [(0, 10), (26, 33), (90, 149)])
def test_wilson(count: int, of: int) -> None:
    low, high = wilson(count, of)
    assert 0 <= low <= count / of <= high <= 1
    z = 1.96
    for end in (low, high):  # the interval's ends are where the rate is z standard errors away
        assert abs(count / of - end) == pytest.approx(z * (end * (1 - end) / of) ** 0.5, abs=1e-9)
    assert wilson(0, 0) == (0.0, 1.0)
