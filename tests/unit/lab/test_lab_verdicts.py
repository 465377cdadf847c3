"""Verdicts that follow their numbers, figures that say their tier, settings of your own."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from antigrad.core import ManyInputsError
from antigrad.core.ledger import to_json
from antigrad.lab.run import LabConfig
from antigrad.lab.run.page import summary_of
from antigrad.lab.studies import displacement, offline_peaks, squeezing
from antigrad.lab.study import Result, load, missing, names, run_study, told, verdict

TIERS = ("mean-field", "sampled", "dataset", "trained")
SHORT: dict[str, dict[str, Any]] = {
    "diversity": {"steps": 10, "seeds": 2, "equal_steps": [5], "sweep": {"steps": 10}},
    "shared_prompts": {
        "mean_field": {"steps": 20, "equal_steps": [10]},
        "sampled": {"steps": 5, "equal_steps": [5], "arms": ["psr"]},
    },
    "grpo_halves": {"steps": 20, "equal_steps": [5], "sampled": {"seeds": 3, "runs": [[0.5, 10]]}},
    "graded_rewards": {"binary": {"steps": 20}, "graded": {"steps": 20}, "equal_steps": [10]},
    "two_stage": {"main": {"steps": 50}, "boundaries": [], "slope": {"steps": 5}, "exploration": {"steps": 5}},
}


@pytest.mark.parametrize("name", SHORT)
def test_what_was_not_reached_settles_nothing(name: str) -> None:
    """Too few steps: no verdict for either side, and no figure that is made up."""
    study = load(name)
    short = study.changed(SHORT[name])
    result = run_study(short)
    assert result.finding == "open", result.says
    text = verdict(short, result)
    assert "Not settled." in text and "not reached" in text and "nan" not in text and "None" not in text
    json.dumps([section.__dict__ for section in result.sections], default=str)


FOUND = {
    "displacement": "mixed",
    "diversity": "mixed",
    "edge_trap": "mixed",
    "graded_rewards": "mixed",
    "grpo_halves": "disagrees",
    "kl_directions": "mixed",
    "on_policy": "mixed",
    "psr_nsr": "mixed",
    "shared_prompts": "mixed",
    "squeezing": "mixed",
    "two_stage": "mixed",
}


def test_every_exact_study_is_held() -> None:
    assert [name for name in names() if not load(name).trains] == list(FOUND)


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.slow
def test_findings_and_tiers(name: str) -> None:
    """The fast setting settles each claim the way the documentation says, and every figure says its tier."""
    study = load(name)
    result = run_study(study)
    assert result.finding == FOUND[name], result.says
    for section in result.sections:
        assert any(tier in section.text.lower() for tier in TIERS), section.title  # type: ignore[union-attr]
    assert not any(isinstance(value, float) and math.isinf(value) for value in result.numbers.values())
    json.dumps(to_json(result.numbers), allow_nan=False)


def test_data_sets_are_not_the_mean_field() -> None:
    """Coverage is what an exact expectation hides: RWR earns .9 exactly and half of it on thirty draws."""
    settings = load("offline_peaks").settings
    found, chart, _ = offline_peaks.on_data_sets(70, settings)
    exact = offline_peaks.exact(70, settings | {"steps": 200, "keep": [0, 200]})
    rwr = float(exact.accuracy[-1, exact.arms.index("RWR(0.1)"), 0, 0])
    assert rwr > 0.85 and (found["dataset/RWR(0.1)@R1,m=30"] or 0) < 0.65
    lacking = {trace["name"]: trace["y"] for trace in chart.figure["data"] if trace["xaxis"] == "x2"}  # type: ignore[union-attr]
    assert lacking["BoN10"][0] > lacking["BoN10"][1] > lacking["BoN10"][2]
    assert lacking["DPO(0.1)"][2] > 0.5 > lacking["Pref-FT"][2] > lacking["IPO(10)"][2]


def test_a_huge_rate_does_not_end_a_study() -> None:
    wild = load("grpo_halves").changed(
        {"eta": 1e308, "steps": 50, "equal_steps": [10], "sampled": {"seeds": 3, "runs": [[1e308, 20]]}}
    )
    assert run_study(wild).finding == "open"


def test_positives_only_is_behind_in_steps_and_ahead_at_equal_accuracy() -> None:
    """Without a resembling wrong action: a comparison at equal steps alone compares speeds."""
    found = run_study(load("displacement")).numbers
    grpo, half = ("GRPO@0", "GRPO-P@0")
    assert (found[f"{half}/action=0"] or 0) < (found[f"{grpo}/action=0"] or 0)
    assert (found[f"{half}/action=0/per_accuracy"] or 0) > (found[f"{grpo}/action=0/per_accuracy"] or 0) > 0
    # Accuracy gained per unit step: the mass of the correct actions times how their log-probabilities move.
    world, group = displacement.fixed_group(load("displacement").settings, 0.0)
    change = displacement.one_step(displacement.ARMS[0], world, group, 1e-6)
    gained = float((world.reference * change.exp().log() * world.correct).sum())
    assert found[f"{grpo}/accuracy"] == pytest.approx(gained, rel=2e-3)


def test_a_weaker_rejected_branch_squeezes_less_at_equal_gain() -> None:
    settings = load("squeezing").settings
    whole, weak = (squeezing.at_equal_gain(squeezing.follow(settings, 42, 0.0, w), w, 2.0) for w in (1.0, 0.1))
    assert whole["mode"] > 5 * weak["mode"] > 0 > weak["others"] > whole["others"]
    assert weak["step"] < whole["step"]
    never = squeezing.at_equal_gain(squeezing.follow(settings | {"steps": 3}, 42, 0.0, 1.0), 1.0, 2.0)
    assert never["step"] is None and never["mode"] is None


def test_settings_change_inside_of_mappings_and_are_checked() -> None:
    study = load("two_stage")
    changed = study.changed({"main": {"eta": 0.2}})
    assert changed.settings["main"] == study.settings["main"] | {"eta": 0.2}
    assert changed.resolved(full=True)["exploration"]["steps"] == 11_000
    assert study.settings["main"]["eta"] == 0.1
    for own, says in (
        ({"group": "many"}, "like 8"),
        ({"group": 2.5}, "like 8"),
        ({"main": {"etta": 1}}, "did you mean 'eta'"),
        ({"main": 3}, "a mapping of"),
        ({"rewards": 1.0}, "a list"),
        ({"rewards": ["a"]}, "an entry of rewards"),
    ):
        (problem,) = study.misfits(own)
        assert says in problem
    with pytest.raises(ManyInputsError, match="studies") as caught:
        LabConfig("displacement", studies={"displacement": {"eta": "x"}, "nope": {}}).check()
    assert len(caught.value.problems) == 2
    (mine,) = LabConfig("displacement", studies={"displacement": {"eta": 0.01}}).check()
    assert mine.settings["eta"] == 0.01


def test_words_for_what_is_missing() -> None:
    assert missing(1.0, None) and missing(math.nan) and missing(math.inf) and not missing(0.0, 3)
    assert told(math.nan) == "not reached" and told(0.5, ".1f", "at ") == "at 0.5"
    study = replace(load("on_policy"), name="mine")
    assert "Not settled. Words." in verdict(study, Result("open", "Words.", {}, []))
    row = {"study": "a", "finding": "open", "tier": "sampled", "seconds": 1.0, "numbers": {"x": 2}}
    assert summary_of([row]) == {"a/finding": "open", "a/tier": "sampled", "a/seconds": 1.0, "a/x": 2}
