"""The simulation: golden paths, what stops, what does not depend on what, comparisons, bad input."""

import math

import pytest
import torch

from antigrad.core import InputValueError, ManyInputsError
from antigrad.lab import OBJECTIVES
from antigrad.lab.bandit import Bandit
from antigrad.lab.measures import accuracy, effective_number
from antigrad.lab.presets import correct_set, peak, shared_prompts, three_token
from antigrad.lab.sampling import draw
from antigrad.lab.simulate import simulate
from antigrad.lab.trace import at_step, comparison, matched
from helpers.labs import GRADED, world

make = OBJECTIVES.make
BINARY_START = three_token((0.495, 0.01, 0.495), (1.0, 1.0, 0.0))


def odds(pi: torch.Tensor) -> torch.Tensor:
    return pi[..., 0, 1] / pi[..., 0, 0]


def test_matched_is_one_curve_for_all_of_one_prompt() -> None:
    arms = [make(name) for name in ("grpo", "grpo_p", "grpo_n", "psr", "nsr", "w_reinforce")]
    trace = simulate(BINARY_START, arms, 0.02, 9000, levels=(0.6, 0.8, 0.9, 0.95), keep="end", stop=True)
    for level, want in ((0.6, 0.0167), (0.8, 0.0103), (0.9, 0.0069), (0.95, 0.0048)):
        rows = matched(trace, odds, level)
        assert [row.value for row in rows] == pytest.approx([want] * 6, abs=2e-4)
        steps = [row.step for row in rows]
        assert steps[0] < steps[2] < steps[3] == steps[4] < steps[1]  # above ½ positives only is the slowest


def test_odds_only_fall_with_equal_rewards() -> None:
    trace = simulate(BINARY_START, [make(name) for name in ("grpo", "grpo_p", "grpo_n")], 0.05, 3000)
    assert bool((odds(trace.pi).diff(dim=0) < 0).all())


def test_psr_and_nsr_stay_together_over_shared_prompts() -> None:
    trace = simulate(shared_prompts(0.6), [make("psr"), make("nsr")], 0.05, 100, keep=[100])
    torch.testing.assert_close(trace.pi[0, 0], trace.pi[0, 1], atol=1e-14, rtol=0)
    sampled = simulate(shared_prompts(0.6), [make("psr"), make("nsr")], 0.2, 5, "sampled", prompts=32, keep=[5])
    assert float((sampled.pi[0, 0] - sampled.pi[0, 1]).abs().max()) > 1e-4


def test_mean_field_is_the_average_of_one_step_but_not_of_a_path() -> None:
    bandit = correct_set(200, 60, 0.3)
    mean = simulate(bandit, make("psr"), 5.0, 300, levels=[0.6])
    noisy = simulate(bandit, make("psr"), 5.0, 300, "sampled", seeds=20, levels=[0.6], keep="end")
    kept = [matched(t, lambda pi: effective_number(pi, bandit) / 60, 0.6)[0].value for t in (mean, noisy)]
    assert kept[0] == pytest.approx(1.0, abs=1e-9)
    assert kept[1] < 0.5
    # Towards small steps the path of the sampled tier becomes that of the mean field.
    small = [simulate(world(GRADED), make("reinforce"), 0.02, 500, tier, seeds=n, keep="end").at(500).mean(2)
             for tier, n in (("mean_field", 1), ("sampled", 400))]  # type: ignore[arg-type]  # fmt: skip
    torch.testing.assert_close(small[0], small[1], atol=6e-3, rtol=0)
    assert float((small[0] - world(GRADED).reference).abs().max()) > 0.03


def test_a_huge_rate_stops_its_row_only() -> None:
    trace = simulate(world(), [make("ipo"), make("dpo")], torch.tensor([[0.1, 1e6], [0.1, 1e6]]), 200, law="offline")
    assert trace.stopped[0, 0, 0] == -1 and 0 < int(trace.stopped[0, 1, 0]) < 200
    assert trace.stopped[1].tolist() == [[-1], [-1]]
    event = trace.events
    assert [(row["arm"], row["rate"], row["event"]) for row in event] == [("IPO(10)", 1e6, "non-finite")]
    assert event[0]["step"] == int(trace.stopped[0, 1, 0])
    assert bool(trace.z.isfinite().all())
    assert bool(trace.pi[-1, 0, 1].isnan().all()) and bool(trace.pi[-1, 1].isfinite().all())
    alone = simulate(world(), make("ipo"), 0.1, 200, law="offline")
    torch.testing.assert_close(
        trace.pi[-1, 0, 0], alone.pi[-1, 0, 0], atol=1e-8, rtol=0
    )  # rounding, 200 stiff steps later
    row = matched(trace, lambda pi: pi[..., 0, 0], 2.0)[1]
    assert row.reached == 0 and math.isnan(row.value)


@pytest.mark.parametrize("tier", ["mean_field", "sampled"])
def test_arms_do_not_touch_each_other(tier: str) -> None:
    bandit, specs = world(), ["grpo", "psr", "grpo_n", "dpo", "reinforce"]
    seeds = 3 if tier == "sampled" else 1
    together = simulate(bandit, [make(s) for s in specs], [0.1, 0.5], 30, tier, seeds=seeds, keep=[30])  # type: ignore
    for place, spec in enumerate(specs):
        alone = simulate(bandit, make(spec), [0.1, 0.5], 30, tier, seeds=seeds, keep=[30])  # type: ignore
        torch.testing.assert_close(together.pi[:, place], alone.pi[:, 0], atol=1e-14, rtol=0)


def test_arms_that_are_done_leave_and_the_others_go_on() -> None:
    bandit, arms = correct_set(50, 10, 0.3), [make("reinforce"), make("grpo_n"), make("grpo")]
    options = {"seeds": 4, "levels": [0.5, 0.8], "keep": [0]}
    stopped = simulate(bandit, arms, 1.0, 2000, "sampled", stop=True, **options)  # type: ignore
    whole = simulate(bandit, arms, 1.0, 2000, "sampled", **options)  # type: ignore
    for level in (0.5, 0.8):
        assert torch.equal(stopped.first(level)[0], whole.first(level)[0])
        torch.testing.assert_close(stopped.first(level)[1], whole.first(level)[1], atol=1e-13, rtol=0)
    assert len(stopped.accuracy) < 2001


def test_equivariance() -> None:
    """Permuted actions and prompts give permuted paths; identity kernels are none."""
    rewards = torch.stack([GRADED, GRADED.flip(0), torch.roll(GRADED, 2)])
    bandit, arms = world(rewards), [make(s) for s in ("grpo", "dpo", "best_of_n", "npo", "kl_reward")]
    plain = simulate(bandit, arms, 0.3, 20, keep=[20]).pi[0]
    order = torch.tensor([3, 1, 6, 0, 2, 5, 4])
    moved = simulate(Bandit(bandit.rewards[:, order], bandit.reference[:, order]), arms, 0.3, 20, keep=[20]).pi[0]
    torch.testing.assert_close(moved, plain[..., order], atol=1e-13, rtol=0)
    swapped = simulate(Bandit(bandit.rewards[[2, 0, 1]], bandit.reference[[2, 0, 1]]), arms, 0.3, 20, keep=[20]).pi[0]
    torch.testing.assert_close(swapped, plain[..., [2, 0, 1], :], atol=1e-13, rtol=0)
    same = Bandit(bandit.rewards, bandit.reference, torch.eye(3), torch.eye(7))
    torch.testing.assert_close(simulate(same, arms, 0.3, 20, keep=[20]).pi[0], plain, atol=1e-13, rtol=0)


def test_kernels_share_updates() -> None:
    bandit = Bandit(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), torch.full((2, 2), 0.5), torch.ones(2, 2))
    pi = simulate(bandit, make("reinforce"), 0.1, 1).pi[1, 0, 0, 0]
    torch.testing.assert_close(pi[0], pi[1])  # the second prompt learns nothing by itself
    assert float(pi[0, 0]) > 0.5


def test_minibatches_of_prompts_keep_the_mean_direction() -> None:
    bandit = shared_prompts(0.0, prompts=20, actions=5)
    whole, part = (
        simulate(bandit, make("reinforce"), 1.0, 1, "sampled", seeds=20_000, prompts=b, keep=[1]).z.mean(2)
        for b in (None, 5)
    )
    exact = simulate(bandit, make("reinforce"), 1.0, 1, keep=[1]).z[:, :, 0]
    torch.testing.assert_close(whole, exact, atol=5e-3, rtol=0)
    torch.testing.assert_close(part, exact, atol=1e-2, rtol=0)


def test_laws() -> None:
    bandit = peak([70])
    every, offline = (simulate(bandit, make("best_of_n"), 1.0, 60, law=law).pi[:, 0, 0, 0] for law in (50, "offline"))
    torch.testing.assert_close(every[:51], offline[:51], atol=1e-14, rtol=0)
    assert float((every[60] - offline[60]).abs().max()) > 1e-3


def test_dataset_tier() -> None:
    bandit = peak([70])
    trace = simulate(bandit, make("mle"), 1.0, 3000, "dataset", draws=10, seeds=5, keep="end")
    limit = trace.at(3000)[0, 0]
    assert bool((limit.topk(10).values.sum(-1) > 0.97).all())  # at most ten actions were drawn
    assert len({round(float(a), 6) for a in accuracy(limit, bandit)}) > 1


def test_inner_steps_use_the_ratio() -> None:
    arms = [make("grpo"), make("ppo")]
    once, often = (simulate(world(), arms, 2.0, 8, "sampled", seeds=50, inner=n, keep=[1, 8]) for n in (1, 8))
    torch.testing.assert_close(once.at(1), often.at(1), atol=1e-14, rtol=0)
    torch.testing.assert_close(often.at(1)[0], often.at(1)[1], atol=1e-12, rtol=0)  # the first step of PPO is GRPO
    free, clipped = often.at(8)[:, 0, :, 0]
    start = world().reference[0]
    assert float((clipped - start).abs().mean()) < float((free - start).abs().mean())


def test_comparisons_show_both_kinds() -> None:
    trace = simulate(BINARY_START, [make("grpo"), make("psr")], 0.1, 200)
    rows = comparison(trace, odds, levels=(0.6, 0.9999), steps=[100])
    assert {row.at for row in rows} == {"accuracy", "steps"} and {row.tier for row in rows} == {"mean_field"}
    assert [row.reached for row in rows if row.place == 0.9999] == [0, 0]
    assert at_step(trace, odds, 100)[0].value == float(odds(trace.at(100))[0, 0, 0])
    with pytest.raises(InputValueError, match="both"):
        comparison(trace, odds, levels=(0.6,), steps=[100])
    short = simulate(BINARY_START, make("psr"), 0.1, 50, keep=[0, 50])
    with pytest.raises(InputValueError, match="kept"):
        short.at(20)
    with pytest.raises(InputValueError, match="levels="):
        short.first(0.6)


def test_what_a_trace_records() -> None:
    meta = simulate(world(), make("dpo(beta=0.7)"), 0.1, 1, "sampled", seeds=2, group=4).meta
    assert meta["tier"] == "sampled" and meta["group"] == 4 and meta["seeds"] == 2 and meta["eta"] == [[0.1]]
    assert meta["objectives"] == [{"objective": "DPO(0.7)", "beta": 0.7}]


def test_draws_follow_the_law_and_skip_what_is_impossible() -> None:
    law = torch.tensor([0.2, 0.0, 0.5, 0.3], dtype=torch.float64)
    actions = draw(law, torch.rand(200_000, generator=torch.Generator().manual_seed(1)).double())
    torch.testing.assert_close(actions.bincount(minlength=4) / 200_000, law, atol=4e-3, rtol=0, check_dtype=False)
    assert int((actions == 1).sum()) == 0


def test_bad_bandits() -> None:
    with pytest.raises(ManyInputsError, match=r"prompt 0 sums to 0\.9") as caught:
        Bandit(torch.tensor([[1.0, math.nan]]), torch.tensor([[0.9, 0.0]], dtype=torch.float64))
    assert len(caught.value.problems) == 3
    assert "log-ratios to it do not exist" in str(caught.value)
    with pytest.raises(ManyInputsError, match="one shape"):
        Bandit(torch.ones(1, 3), torch.ones(1, 2) / 2)
    with pytest.raises(ManyInputsError, match="semidefinite"):
        Bandit(torch.ones(2, 2), torch.ones(2, 2) / 2, prompt_kernel=torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    with pytest.raises(ManyInputsError, match="action_kernel"):
        Bandit(torch.ones(2, 2), torch.ones(2, 2) / 2, action_kernel=torch.eye(3))
    assert float(Bandit(torch.ones(1, 3), torch.tensor([[0.2, 0.3, 0.5]])).reference.sum()) == pytest.approx(
        1, abs=1e-15
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"eta": -1.0}, "above 0"),
        ({"tier": "exact"}, "tier"),
        ({"seeds": 3}, "mean field"),
        ({"tier": "dataset"}, "draws"),
        ({"draws": 5}, "draws"),
        ({"prompts": 1}, "prompts"),
        ({"inner": 2}, "inner"),
        ({"law": 0}, "law"),
        ({"law": "sometimes"}, "law"),
        ({"law": ["online", "online"]}, "laws"),
        ({"keep": [9]}, "keep"),
        ({"group": 1}, "group"),
        ({"objectives": []}, "no objective"),
        ({"eta": torch.ones(3, 1)}, "one row per arm"),
    ],
)
def test_settings_that_do_not_fit(options: dict[str, object], says: str) -> None:
    given: dict[str, object] = {"objectives": [make("psr")], "eta": 0.1, "steps": 2} | options
    with pytest.raises(ManyInputsError, match=says):
        simulate(world(), **given)  # type: ignore[arg-type]
