"""Figures of the exact laboratory that another program computed: long runs, slopes, times, peaks, sampled shares."""

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.lab import OBJECTIVES
from antigrad.lab.objective import Policy
from antigrad.lab.presets import peak, shared_prompts, three_token
from antigrad.lab.simulate import simulate
from antigrad.lab.stages import first_step, stages
from antigrad.lab.studies.two_stage import boundary, slopes_along
from antigrad.objectives.grpo import Scale
from helpers.labs import GRADED, batch, context, dirichlet, world

make = OBJECTIVES.make
MODES = [make(name) for name in ("grpo", "grpo_p", "grpo_n")]
REWARDS = [0.8, 1.0, 0.0]
STARTS = [(0.45, 0.10, 0.45), (0.495, 0.01, 0.495)]


SLOPES = {  # By step: o / l and the slope of ln O against ln L there.
    ("population", 0.2): {0: (0.005, 0.486), 200: (0.012, 0.489), 1000: (0.024, 0.481), 5000: (0.056, 0.457),
                          20_000: (0.120, 0.404)},
    ("none", 2.0): {0: (0.005, 0.489), 200: (0.018, 0.496), 1000: (0.039, 0.493), 5000: (0.087, 0.484),
                    20_000: (0.179, 0.466)},
}  # fmt: skip


@pytest.mark.parametrize("steps", [5000, pytest.param(20_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("scale", "eta"), SLOPES)
def test_slope_of_exploitation(scale: Scale, eta: float, steps: int) -> None:
    """ln O falls half as fast as ln L under either normalisation, and bends as O stops being rare."""
    case = {"start": [0.9799, 0.0001, 0.02], "eta": eta, "steps": steps}
    ratio, slope = slopes_along(case, REWARDS, 8, scale)
    for step, (odds, want) in SLOPES[scale, eta].items():
        if step <= steps:
            assert float(ratio[step]) == pytest.approx(odds, abs=6e-4)
            assert float(slope[step]) == pytest.approx(want, abs=6e-4)
    rare = slope[ratio < 0.06]
    assert 0.45 < float(rare.min()) <= float(rare.max()) < 0.5


@pytest.mark.slow
def test_ends_of_long_runs() -> None:
    """40 000 steps: negatives only ends at O from the common start and still falls from the rare one."""
    trace = simulate(three_token(STARTS), MODES, 0.1, 40_000)
    ends = [[("O", 0.9999), ("O", 0.9943), ("O", 0.9999)], [("O", 0.9999), ("O", 0.9942), ("H", 0.9998)]]
    for prompt in range(2):
        found = stages(trace, prompt)
        for stage, (where, mass) in zip(found, ends[prompt], strict=True):
            assert stage.end["HOL".index(where)] == pytest.approx(mass, abs=1e-4)
    last = stages(trace, 1)[2]
    assert (last.trough, last.overtakes, last.sign_change) == (40_000, None, 4440)
    assert last.fall == pytest.approx(69.6, abs=0.1)


@pytest.mark.parametrize(
    ("o", "low", "mode", "want"),
    [(0.01, 1e-13, "grpo", 220), (0.01, 1e-13, "grpo_p", 236), (0.0029, 1e-13, "grpo", 691),
     (0.0029, 0.0029, "grpo", 928)],
)  # fmt: skip
def test_exploration_times(o: float, low: float, mode: str, want: int) -> None:
    path = simulate(three_token((1 - o - low, o, low)), make(mode), 0.1, want + 20).pi[:, 0, 0, 0, 0]
    assert first_step(path[:, 1] > path[:, 0]) == pytest.approx(want, abs=2 if o == 0.01 else 4)


@pytest.mark.slow
def test_exploration_time_of_negatives_only() -> None:
    path = simulate(three_token((0.99 - 1e-13, 0.01, 1e-13)), make("grpo_n"), 0.1, 10_400).pi[:, 0, 0, 0, 0]
    assert first_step(path[:, 1] > path[:, 0]) == pytest.approx(10_131, abs=2)


def test_where_boundaries_lie_on_the_simplex() -> None:
    found = boundary({"scale": "population", "start": STARTS[1], "eta": 0.1, "steps": 1000}, REWARDS, 8)
    pi = simulate(three_token(STARTS[1]), make("grpo"), 0.1, 1000).pi[found["b1_step"], 0, 0, 0, 0]
    assert pi.tolist() == pytest.approx([0.9942, 0.0029, 0.0029], abs=1e-4)
    assert found["b1_ratio"] == pytest.approx(1.013, abs=1e-3)


def test_boundaries_that_are_not_reached_are_none() -> None:
    found = boundary({"scale": "population", "start": STARTS[1], "eta": 0.1, "steps": 100}, REWARDS, 8)
    assert found["b1_step"] is None and found["b2_step"] is None and found["b2_ratio"] is None


WINS = {  # Share of 300 sampled runs that end with more than half of the mass on O: both starts, three modes.
    (0.1, 6000): ((1.0, 1.0, 0.230), (1.0, 1.0, 0.0)),
    (0.5, 3000): ((1.0, 1.0, 0.713), (0.997, 1.0, 0.0)),
    (2.0, 2000): ((1.0, 1.0, 0.773), (0.947, 1.0, 0.0)),
}


@pytest.mark.slow
@pytest.mark.parametrize(("eta", "steps"), WINS)
def test_shares_of_sampled_wins(eta: float, steps: int) -> None:
    """Within 0.05, or where the share is near a half within twice the noise of two samples of 300, 0.07."""
    trace = simulate(three_token(STARTS), MODES, eta, steps, "sampled", seeds=300, keep=[steps])
    wins = (trace.at(steps)[..., 1] > 0.5).double().mean(2)[:, 0]
    for prompt, shares in enumerate(WINS[eta, steps]):
        for place, share in enumerate(shares):
            within = 0.07 if 0.2 < share < 0.8 else 0.05
            assert float(wins[place, prompt]) == pytest.approx(share, abs=within), (prompt, place)
    assert float(wins[2, 1]) == 0.0  # negatives only, rare optimum: never


def test_luck_loses_what_the_mean_field_never_does() -> None:
    """With coarse steps some sampled runs of GRPO end at H; the exact expectation always ends at O."""
    bandit = three_token(STARTS[1])
    exact = simulate(bandit, make("grpo"), 2.0, 2000, keep="end").at(2000)[0, 0, 0, 0]
    drawn = simulate(bandit, make("grpo"), 2.0, 2000, "sampled", seeds=300, keep="end").at(2000)[0, 0, :, 0]
    assert float(exact[1]) > 0.99
    lost = float((drawn[:, 1] < 0.5).double().mean())
    assert 0.01 < lost < 0.11


@pytest.mark.parametrize(
    ("centre", "width", "start", "most"),
    [(70, 10, 0.0529, 0.9177), (20, 10, 0.3572, 0.9177), (70, 20, 0.1207, 0.9348), (70, 30, 0.2176, 0.9488)],
)
def test_ten_tokens_with_a_random_first_one(centre: int, width: int, start: float, most: float) -> None:
    """Nine tokens of the reference, or of the peak, after one that is uniform."""
    bandit = peak([centre], width)
    one, even = float((bandit.reference * bandit.rewards).sum()), float(bandit.rewards.mean())
    assert 0.9 * one + 0.1 * even == pytest.approx(start, abs=5e-5)
    assert 0.9 + 0.1 * even == pytest.approx(most, abs=5e-5)


def test_edge_trap_starts_at_the_spike() -> None:
    assert float(peak([70]).reference[0, 99]) == pytest.approx(0.0422, abs=5e-5)


def test_shared_kernel_is_what_shrinks() -> None:
    """For one tabular prompt pass@k never falls: accuracy rises at every step of every mode."""
    bandit = three_token(STARTS[1], (1.0, 1.0, 0.0))
    trace = simulate(bandit, [*MODES, make("psr"), make("nsr")], 0.1, 400)
    assert bool((trace.accuracy.diff(dim=0) > 0).all())


@pytest.mark.slow
@pytest.mark.parametrize(("rho", "few", "many"), [(0.0, 0.607, 0.926), (0.3, 0.636, 0.878), (0.6, 0.512, 0.594)])
def test_negatives_only_over_shared_prompts(rho: float, few: float, many: float) -> None:
    bandit = shared_prompts(rho)
    steps, pi = simulate(bandit, make("grpo_n"), 0.05, 12_000, levels=[0.5], keep=[0], stop=True).first(0.5)
    wrong = 1 - (pi * bandit.rewards).sum(-1)
    assert [float((1 - wrong**k).mean()) for k in (16, 256)] == pytest.approx([few, many], abs=2e-3)
    if rho == 0.6:
        assert int(steps) == pytest.approx(11_590, abs=2)


DRAWN = {  # pass@256 at accuracy .5 with ρ = .3, drawn groups, by what the batch is divided by.
    "group": {"psr": 0.951, "nsr": 0.950, "grpo": 0.954, "grpo_p": 0.962,
              "w_reinforce(positive_weight=1": 0.951, "w_reinforce(positive_weight=0.1": 0.950},
    "kept": {"psr": 0.939, "nsr": 0.945, "grpo": 0.943, "grpo_p": 0.925},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("denominator", DRAWN)
def test_drawn_groups_of_weakly_shared_prompts(denominator: str) -> None:
    """Dividing by what is kept costs the positive halves most: the batch is smaller for them at the start."""
    bandit, want = shared_prompts(0.3), DRAWN[denominator]
    arms = [make(f"{name}{',' if '(' in name else '('}denominator={denominator})") for name in want]
    trace = simulate(bandit, arms, 0.2, 2500, "sampled", seeds=4, prompts=32, levels=[0.5], keep=[0], stop=True)
    wrong = 1 - (trace.first(0.5)[1] * bandit.rewards).sum(-1)
    found = (1 - wrong**256).mean(-1).mean(-1).flatten().tolist()
    assert found == pytest.approx(list(want.values()), abs=0.015)


@pytest.mark.slow
def test_cutting_the_batch_does_not_favour_negatives() -> None:
    """At accuracy .9 NSR has less pass@256 than PSR, each divided by the rows it keeps, as in the released code.

    A seed of NSR may stay just below .9 for thousands of steps: its batches get small where PSR's get large. Which one
    does is decided by rounding, and so by the processor: it has six seeds, therefore, of which four have to get there.
    """
    bandit = shared_prompts(0.3)

    def kept(names: list[str], seeds: int) -> list[float]:
        arms = [make(f"{name}(denominator=kept)") for name in names]
        trace = simulate(bandit, arms, 0.2, 2500, "sampled", seeds=seeds, prompts=32, levels=[0.9], keep=[0], stop=True)
        wrong = 1 - (trace.first(0.9)[1] * bandit.rewards).sum(-1)
        of_seeds = (1 - wrong**256).mean(-1).flatten(0, 1)
        assert int((~of_seeds.isnan()).sum(-1).min()) >= min(4, seeds)
        return of_seeds.nanmean(-1).tolist()

    nsr, psr, grpo, grpo_p = kept(["nsr"], 6) + kept(["psr", "grpo", "grpo_p"], 3)
    assert [nsr, psr, grpo, grpo_p] == pytest.approx([0.911, 0.968, 0.958, 0.983], abs=0.015)
    assert nsr < grpo < grpo_p


def test_weights_over_kept_samples() -> None:
    """Three of eight are correct: their mean, or their sum over eight."""
    policy, ctx = Policy(dirichlet(1, 7).log()), context(world(), dirichlet(1, 7))
    drawn = batch(world((GRADED > 0.7).double()), policy, torch.tensor([[4, 5, 6, 0, 1, 2, 3, 0]]))
    for name, count in (("psr", 3), ("nsr", 5), ("w_reinforce", 8)):
        plain, kept = (make(f"{name}(denominator={d})").weigh(drawn, ctx) for d in ("group", "kept"))
        torch.testing.assert_close(kept, plain * 8 / count, atol=1e-14, rtol=0)
        assert make(f"{name}(denominator=kept)").label.endswith("(kept)")
        with pytest.raises(InputValueError, match="sampled"):
            make(f"{name}(denominator=kept)").expected(policy, ctx)
        with pytest.raises(InputValueError, match="group or kept"):
            make(f"{name}(denominator=half)")


def test_kept_steps_are_kept_though_an_arm_is_done() -> None:
    trace = simulate(three_token(STARTS[0]), MODES, 0.5, 200, levels=[0.5], keep=[0, 60], stop=True)
    steps, _ = trace.first(0.5)
    assert int(steps.max()) < 60 and bool(trace.at(60).isfinite().all()) and len(trace.accuracy) == 61
    assert bool((trace.at(60)[..., 2] < trace.at(0)[..., 2]).all())
    assert torch.equal(trace.steps, torch.tensor([0, 60]))
