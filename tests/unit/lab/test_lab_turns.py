"""Findings that turn with what they read, both ways: the comparisons that older verdicts left out decide here."""

import math
from dataclasses import replace
from typing import Any, cast

import pytest

from antigrad.core.page import Table
from antigrad.lab.evidence import Comparison, finding, read
from antigrad.lab.presets import three_token
from antigrad.lab.simulate import simulate
from antigrad.lab.stages import stages
from antigrad.lab.studies import (
    displacement,
    grpo_halves,
    implicit_reward,
    kl_directions,
    offline_peaks,
    on_policy,
    reuse,
    shared_prompts,
    squeezing,
    token_bandit,
)
from antigrad.lab.study import Result, load, run_study
from antigrad.lab.training import Arm, Score
from helpers.labs import trained_as

SIX = (0, 1, 2, 3, 4, 5)


def found(comparisons: list[Comparison]) -> str:
    return finding(read(comparisons))


def spoken(result: Result) -> dict[str, set[str]]:
    """What each line of the verdict's table speaks for."""
    rows = next(cast(Table, one) for one in result.sections if one.title == "What the verdict reads").rows
    out: dict[str, set[str]] = {}
    for row in rows:
        out.setdefault(row["says"], set()).add(row["speaks"])
    return out


def changed(name: str, own: dict[str, Any]) -> Result:
    return run_study(load(name).changed(own))


# --- token and line bandit

NEGATIVES = ("offline IPO(10)", "offline DPO(0.1)")
OFFLINE = {"R1 offline BoN10": 0.2, "R1 offline Pref-FT": 0.1, "R1 offline RWR(1)": 0.1, "R1 offline IPO(10)": 0.4,
           "R1 offline DPO(0.1)": 0.4, "R2 offline BoN10": 0.5, "R2 offline IPO(10)": 0.6}  # fmt: skip
ONLINE = {"R1 on-policy T=10 DPO(0.1)": 0.95, "R1 on-policy T=10 IPO(10)": 0.95, "R1 on-policy T=10 PPO": 0.95,
          "R1 on-policy T=1 REINFORCE": 0.95, "R1 on-policy T=10 BoN10": 0.9, "R1 on-policy T=1 BoN10": 0.9,
          "R1 on-policy T=1 RWR(1)": 0.9, "R2 on-policy T=10 BoN10": 0.8,
          "R2 on-policy T=10 IPO(10)": 0.9}  # fmt: skip


def test_offline_peaks_read_every_supervised_method() -> None:
    """RWR that wins speaks against the sentence; reading Best-of-N alone it would agree."""
    settings = load("offline_peaks").changed({"token": {"levels": [0.15, 0.3]}}).settings
    assert found(offline_peaks.on_tokens(trained_as(OFFLINE), settings)) == "agrees"
    regression = OFFLINE | {"R1 offline RWR(1)": 0.8}
    assert found(offline_peaks.on_tokens(trained_as(regression), settings)) == "mixed"
    near = OFFLINE | {"R2 offline IPO(10)": 2.0}  # a larger advantage where the peak overlaps
    assert found(offline_peaks.on_tokens(trained_as(near), settings)) == "mixed"
    turned = {name: 1 - reward for name, reward in OFFLINE.items()}
    assert found(offline_peaks.on_tokens(trained_as(turned), settings)) == "disagrees"
    assert found(offline_peaks.on_tokens(trained_as(OFFLINE, SIX[:1]), settings)) == "open"


def test_offline_peaks_read_the_exact_token() -> None:
    """Without a negative gradient RWR earns .9 where IPO earns a sixth, and gets there first."""
    settings = load("offline_peaks").settings | {"steps": 200, "keep": [0, 200]}
    trace = offline_peaks.exact(70, settings)
    readings = read(offline_peaks.covered(trace, 70, [0.1, 0.3]))
    speaks = {(one.of.says, one.of.equal): one.speaks for one in readings}
    assert speaks["IPO(10) above RWR(0.1) on R1", "steps"] == speaks["IPO(10) above RWR(0.1) on R1", "reward"] == -1
    assert speaks["IPO(10) above Pref-FT on R1", "steps"] == 1


def test_token_bandit_reads_the_line_too() -> None:
    """Both clauses may hold on tokens and fail on the line: that is no agreement."""
    tokens = trained_as(OFFLINE | ONLINE)
    both = token_bandit.covered(tokens, [0.3], "token")
    assert found(both) == "agrees"
    line = trained_as(OFFLINE | ONLINE | {"R1 offline BoN10": 0.97, "R1 offline IPO(10)": 0.05})
    assert found(both + token_bandit.covered(line, [0.3], "line")) == "mixed"
    upside = trained_as({name: 1 - reward for name, reward in (OFFLINE | ONLINE).items()})
    assert found(token_bandit.covered(upside, [0.3], "token")) == "disagrees"


def test_the_line_is_in_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    def scores(kind: str, seeds: tuple[int, ...], steps: int, *_: object) -> object:
        return trained_as(OFFLINE | ONLINE if kind == "token" else {}, seeds, steps, otherwise=0.5)

    monkeypatch.setattr(token_bandit, "scores", scores)
    own = {kind: {"seeds": list(SIX)} for kind in ("token", "line")}
    result = changed("token_bandit", own)
    assert result.finding == "mixed" and any("line" in says for says in spoken(result))


@pytest.mark.parametrize(
    ("ten", "late", "ppo", "expected"),
    [(0.9, 0.2, 0.4, "agrees"), (0.9, 0.2, 0.1, "mixed"), (0.4, 0.395, 0.3, "disagrees"), (0.9, 0.85, 0.4, "mixed")],
)
def test_reuse_turns_with_its_rewards(ten: float, late: float, ppo: float, expected: str) -> None:
    """Ten steps harmless, fifty hurt, PPO keeps more: at the last step, and where the other arm gets to a reward."""
    names = {"T=1 BoN10": 0.9, "T=10 BoN10": ten, "T=50 BoN10": late, "T=10 PPO": 0.8, "T=50 PPO": ppo}
    if expected == "disagrees":
        names["T=10 PPO"] = 0.31
    scores = trained_as({f"R1 on-policy {name}": reward for name, reward in names.items()})
    assert found(reuse.covered(scores, [0.1, 0.3])) == expected
    gone = trained_as({f"R1 on-policy {name}": math.nan for name in names})
    assert found(reuse.covered(gone, [0.1])) == "open"


@pytest.mark.parametrize(
    ("few", "many", "early", "expected"),
    [(2.0, -3.0, 1.0, "agrees"), (2.0, -3.0, -1.0, "mixed"), (-2.0, 3.0, 1.0, "mixed"), (-2.0, -3.0, 1.0, "mixed")],
)
def test_implicit_reward_reads_equal_reward_too(
    few: float, many: float, early: float, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`early` is the sign where the reward is first reached: with −1 the order reverses there."""

    def train(_world: object, todo: list[Arm], seeds: tuple[int, ...], *_: object) -> list[Score]:
        steps = ((20, 0.6, early), (100, 0.7, 1.0))
        return [
            Score(place, seed, step, 10, reward, sign * (few if arm.prompts < 10 else many) + 0.01 * seed, -9 - seed)
            for place, arm in enumerate(todo) for seed in seeds for step, reward, sign in steps
        ]  # fmt: skip

    monkeypatch.setattr(implicit_reward, "train", train)
    monkeypatch.setattr(implicit_reward, "reference", lambda *_: {})
    result = changed("implicit_reward", {"seeds": list(SIX)})
    assert result.finding == expected, result.says
    assert result.numbers["best/R1/prompts=2"] == pytest.approx(few + 0.025)
    assert result.numbers["at_reward=0.15/best/R1/prompts=2"] == pytest.approx(early * few + 0.025)
    assert changed("implicit_reward", {"seeds": [0]}).finding == "open"


# --- exact and drawn studies


def test_on_policy_reads_every_objective() -> None:
    """Pref-FT and DPO fall for the spike at the edge when they draw fresh samples: Best-of-N alone would agree."""
    settings = load("on_policy").settings | {"steps": 200, "keep": [0, 50, 200], "compare_at": 200}
    result = on_policy.run(settings)
    assert result.finding == "mixed"
    says = spoken(result)
    assert "against" in says["on-policy Pref-FT above offline on R1"]
    assert "against" not in says["on-policy BoN10 above offline on R1"]
    overlapping = on_policy.run(settings | {"centres": [20]})
    assert overlapping.finding == "open"  # nothing there is far from the reference


def test_one_random_case_settles_nothing() -> None:
    """A few cases cannot tell most from half; twenty thousand can, and the share is not one."""
    settings = load("kl_directions").settings
    drawn = [one for one in kl_directions.covered(settings, 0.9, 3) if not one.exact]
    assert [one.speaks for one in read(drawn)] == [1, 1]
    few = [one for one in kl_directions.covered(settings | {"cases": 5}, 0.9, 3) if not one.exact]
    assert [one.speaks for one in read(few)] == [0, 0]
    rare = changed("kl_directions", {"start": [0.02, 0.02, 0.9, 0.06], "target": [0.5, 0.3, 0.1, 0.1]})
    usual = changed("kl_directions", {})
    assert spoken(rare)["reverse KL ahead in log p₁/p₂ of the figure"] == {"against", "settles nothing"}
    assert spoken(usual)["reverse KL ahead in log p₁/p₂ of the figure"] == {"for"}


def test_displacement_reads_every_rule() -> None:
    labels = [arm.label for arm in displacement.ARMS]
    good = {"GRPO": -0.1, "GRPO-P": 0.1} | dict.fromkeys(labels[2:], 0.2)
    table: dict[str, float | int | None] = {}
    for label, value in good.items():
        table |= {f"{label}@0.9/action=0": value, f"{label}@0.9/action=0/per_accuracy": 2 * value}
    assert found(displacement.covered(table, [0.9])) == "agrees"
    lazy = table | {f"{labels[2]}@0.9/action=0": -0.1, f"{labels[2]}@0.9/action=0/per_accuracy": -0.2}
    assert found(displacement.covered(lazy, [0.9])) == "mixed"
    assert found(displacement.covered({key: -(value or 0) for key, value in table.items()}, [0.9])) == "disagrees"


def test_graded_rewards_turn_with_the_rewards() -> None:
    graded = {"rewards": [0.8, 1.0, 0.0], "eta": 0.2, "steps": 1200}
    binary = {"rewards": [1.0, 1.0, 0.0], "eta": 0.2, "steps": 1200}
    both = changed("graded_rewards", {"binary": graded, "graded": graded, "levels": [0.6, 0.79, 0.9]})
    neither = changed("graded_rewards", {"binary": binary, "graded": binary, "graded_levels": [0.6, 0.8, 0.95]})
    assert "for" in spoken(both)["GRPO raises O over H after exploitation, rewards (0.8, 1.0, 0.0)"]
    assert neither.finding == "disagrees" and neither.numbers["verdict/for"] == 0


def test_grpo_halves_turn_with_the_arms() -> None:
    """Were the labels of GRPO and its negative half exchanged, the same paths would speak for the sentence."""
    trace = simulate(three_token((0.45, 0.1, 0.45)), grpo_halves.ARMS, 0.1, 400)
    seen = stages(trace)
    assert [one.speaks for one in read(grpo_halves.overtaking(seen, 0.1))] == [-1, -1]
    swap = {"GRPO": "GRPO-N", "GRPO-N": "GRPO", "GRPO-P": "GRPO-P"}
    turned = [replace(stage, arm=swap[stage.arm]) for stage in seen]
    assert read(grpo_halves.overtaking(turned, 0.1))[0].speaks == 1


def test_shared_prompts_turn_with_the_arms() -> None:
    def metric(pi: Any) -> Any:
        return pi[..., 0, 0]

    world = three_token((0.4, 0.3, 0.3), (1.0, 0.0, 0.0))
    trace = simulate(world, shared_prompts.ARMS, 0.2, 100, levels=[0.5, 0.6])
    names = {one.says: one for one in shared_prompts.covered(trace, metric, [0.5], [100])}
    assert "GRPO-N above GRPO-P" in names and "PSR shrinks pass@k" in names
    swapped = replace(trace, arms=["PSR", "GRPO", "GRPO-N", "GRPO-P"])
    one, other = (
        next(one for one in shared_prompts.covered(path, metric, [], [100]) if one.says == "GRPO-N above GRPO-P")
        for path in (trace, swapped)
    )
    assert one.gaps[0] == pytest.approx(-other.gaps[0]) and abs(one.gaps[0]) > 1e-3


def test_squeezing_needs_two_contexts() -> None:
    """With one shared context the mode falls, at equal steps and at equal gain."""
    apart, shared = (changed("squeezing", {"cosines": [rho], "steps": 100}) for rho in (0.0, 1.0))
    assert spoken(apart)["the mode rises, cosine 0"] == {"for", "settles nothing"}
    assert "for" not in spoken(shared)["the mode rises, cosine 1"]
    assert squeezing.COLUMNS[0] == "chosen"


def test_edge_trap_is_no_trap_where_the_peak_is_near() -> None:
    near = changed("edge_trap", {"centre": 20, "steps": 400, "keep": [0, 400], "levels": [0.5, 0.7]})
    assert near.numbers["verdict/against"] == 0 and (near.numbers["verdict/for"] or 0) > 30
    far = changed("edge_trap", {"steps": 400, "keep": [0, 400]})
    assert (far.numbers["verdict/against"] or 0) > 5 and far.finding == "mixed"


def test_two_stage_holds_where_nothing_is_exploited() -> None:
    short = {"boundaries": [], "slope": {"steps": 5}, "exploration": {"steps": 50}}
    held = changed("two_stage", short | {"main": {"start": [0.97, 0.02, 0.01], "eta": 0.2, "steps": 800}})
    falls = changed("two_stage", short | {"main": {"eta": 0.2, "steps": 1200}})
    assert spoken(held)["GRPO: O holds in exploitation"] == {"for"}
    assert "against" in spoken(falls)["GRPO: O holds in exploitation"]


def test_arms_that_do_not_move_settle_nothing() -> None:
    """PSR and NSR are one in expectation; before they have moved that says nothing."""
    small = {"noise": {"seeds": 20}, "shown": {"steps": 16}, "drawn": {"steps": 8, "seeds": 6}}
    still = changed("psr_nsr", small | {"eta": 1e-15, "steps": 3})
    moved = changed("psr_nsr", small | {"steps": 20})
    says = "pass@256 of NSR above PSR"
    assert spoken(still)[says] == {"settles nothing"} and "against" in spoken(moved)[says]


def test_diversity_turns_with_the_size_of_a_step() -> None:
    small = {"actions": 200, "correct": 60, "steps": 400, "levels": [0.4, 0.6], "equal_steps": [50],
             "sweep": {"etas": [4.0], "steps": 200, "levels": [0.4, 0.6]}}  # fmt: skip
    coarse = changed("diversity", small | {"priors": [{"sigma": 0.0, "eta": 4.0}]})
    skewed = changed("diversity", small | {"priors": [{"sigma": 2.0, "eta": 4.0}]})
    says = "NSR keeps more than PSR, σ = 0, η = 4"
    assert "for" in spoken(coarse)[says]
    assert "for" not in spoken(skewed)["NSR keeps half of what there was, σ = 2, η = 4"]
