"""Every objective: directions against central differences, zero sums, identities between objectives."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from antigrad.core import InputValueError
from antigrad.lab import OBJECTIVES
from antigrad.lab.groups import common_speed, group_table
from antigrad.lab.objective import Batch, Policy
from antigrad.lab.presets import correct_set
from antigrad.lab.sampling import Sampler, draw
from antigrad.lab.simulate import simulate
from antigrad.objectives import advantages_of_groups
from antigrad.objectives.divergence import kl
from helpers.labs import GRADED, batch, context, dirichlet, world
from helpers.losses import central

WORLD, BINARY = world(), world((GRADED > 0.7).double())
POLICY, LAW = Policy.of(torch.randn(1, 7, generator=torch.Generator().manual_seed(3)).double()), dirichlet(1, 7, seed=4)
REF = WORLD.reference[0]
GROUP = torch.tensor([[0, 3, 3, 4, 5, 6, 1, 2]])
EXACT = [name for name in OBJECTIVES.names() if name != "nthr"]


def expected(spec: str, bandit: Any = WORLD, law: Tensor = LAW, group: int = 8) -> Tensor:
    return OBJECTIVES.make(spec).expected(POLICY, context(bandit, law, group))[0]


def slope(objective: Callable[[Tensor], Tensor]) -> Tensor:
    return central(lambda z: objective(z.log_softmax(-1)), POLICY.log[0])


def pairs(of: Callable[[Tensor], Tensor], reference: bool = True) -> Callable[[Tensor], Tensor]:
    law = LAW[0][:, None] * LAW[0] * (GRADED[:, None] > GRADED)

    def objective(log_pi: Tensor) -> Tensor:
        h = log_pi - REF.log() if reference else log_pi
        return (law / law.sum() * of(h[:, None] - h)).sum()

    return objective


def wins(a: int) -> Tensor:
    return LAW[0][GRADED[a] > GRADED].sum() + 0.5 * LAW[0][GRADED[a] == GRADED].sum()


def best_share(a: int, n: int) -> Tensor:
    upto, below = LAW[0][GRADED[a] >= GRADED].sum(), LAW[0][GRADED[a] > GRADED].sum()
    return LAW[0, a] / (upto - below) * (upto**n - below**n)


WRONG = LAW[0] * (GRADED <= 0.5)
STATED: dict[str, Callable[[Tensor], Tensor]] = {
    "mle": lambda lp: LAW[0] @ lp,
    "pref_ft": lambda lp: torch.stack([2 * LAW[0, a] * wins(a) for a in range(7)]) @ lp,
    "best_of_n(n=4)": lambda lp: torch.stack([best_share(a, 4) for a in range(7)]) @ lp,
    "rwr(beta=0.7)": lambda lp: (LAW[0] * torch.exp(GRADED / 0.7)) @ lp / (LAW[0] * torch.exp(GRADED / 0.7)).sum(),
    "rwr(beta=0.7,raw=true)": lambda lp: (LAW[0] * torch.exp(GRADED / 0.7)) @ lp,
    "rest": lambda lp: (LAW[0] * (LAW[0] @ GRADED < GRADED)) @ lp / (LAW[0] * (LAW[0] @ GRADED < GRADED)).sum(),
    "reinforce(baseline=0.3)": lambda lp: (LAW[0] * (GRADED - 0.3)) @ lp,
    "psr": lambda lp: (LAW[0] * (GRADED > 0.5)) @ lp,
    "nsr": lambda lp: -(LAW[0] * (GRADED <= 0.5)) @ lp,
    "w_reinforce": lambda lp: (LAW[0] * torch.where(GRADED > 0.5, 0.1, -1.0)) @ lp,
    "dpo(beta=0.7)": pairs(lambda d: torch.nn.functional.logsigmoid(0.7 * d)),
    "ipo(margin=3)": pairs(lambda d: -((d - 3) ** 2)),
    "slic(delta=1)": pairs(lambda d: -(1 - d).clamp(min=0), reference=False),
    "npo(beta=0.7)": lambda lp: (
        2 / 0.7 * (WRONG / WRONG.sum() * torch.nn.functional.logsigmoid(-0.7 * (lp - REF.log()))).sum()
    ),
}


@pytest.mark.parametrize("spec", STATED)
def test_direction_is_the_gradient_of_the_stated_objective(spec: str) -> None:
    torch.testing.assert_close(expected(spec), slope(STATED[spec]), atol=1e-8, rtol=0)


def test_on_policy_gradients() -> None:
    """On-policy the law is the policy: expected reward, its correct mass, the KL-regularised reward."""
    on = POLICY.p
    for spec, objective in (
        ("reinforce", lambda lp: lp.exp() @ GRADED),
        ("reinforce(baseline=5)", lambda lp: lp.exp() @ GRADED),
        ("psr", lambda lp: lp.exp() @ (GRADED > 0.5).double()),
        ("nsr", lambda lp: -lp.exp() @ (GRADED <= 0.5).double()),
        ("kl_reward(beta=0.3)", lambda lp: lp.exp() @ GRADED - 0.3 * kl(lp, REF.log())),
    ):
        torch.testing.assert_close(expected(spec, law=on), slope(objective), atol=1e-8, rtol=0)


def test_reverse_kl_is_the_regularised_reward_over_beta() -> None:
    on = POLICY.p
    found, want = expected("reverse_kl(beta=0.3)", law=on), expected("kl_reward(beta=0.3)", law=on) / 0.3
    torch.testing.assert_close(found, want, atol=1e-14, rtol=0)
    target = (REF.log() + GRADED / 0.3).log_softmax(-1)
    torch.testing.assert_close(found, slope(lambda lp: -kl(lp, target)), atol=1e-8, rtol=0)
    with pytest.raises(InputValueError, match="beta"):
        OBJECTIVES.make("reverse_kl(beta=0)")


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_directions_sum_to_zero_and_do_something(name: str) -> None:
    objective = OBJECTIVES.make(name)
    ctx = context(WORLD, LAW)
    if name != "nthr":
        g = objective.expected(POLICY, ctx)
        assert float(g.sum().abs()) < 1e-14 and float(g.abs().max()) > 1e-4
    sampled = objective.sampled(batch(WORLD, POLICY, GROUP), ctx)
    assert float(sampled.sum().abs()) < 1e-14 and float(sampled.abs().max()) > 1e-4


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_sampled_direction_is_the_score_function_mean(name: str) -> None:
    objective, drawn, ctx = OBJECTIVES.make(name), batch(WORLD, POLICY, GROUP), context(WORLD, LAW)
    weights = objective.weigh(drawn, ctx)[0]
    want = sum(w * (torch.eye(7).double()[a] - POLICY.p[0]) for w, a in zip(weights, GROUP[0], strict=True)) / 8
    torch.testing.assert_close(objective.sampled(drawn, ctx)[0], want, atol=1e-14, rtol=0)


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_order_of_samples_does_not_matter(name: str) -> None:
    objective, ctx = OBJECTIVES.make(name), context(WORLD, LAW)
    group = torch.tensor([[0, 3, 3, 4, 4, 6, 1, 2]])  # one best action: of several Best-of-N takes the first
    one, two = (
        objective.sampled(batch(WORLD, POLICY, group[:, order]), ctx) for order in (range(8), [5, 6, 0, 4, 2, 1, 7, 3])
    )
    torch.testing.assert_close(one, two, atol=1e-14, rtol=0)


def test_pair_objectives_sample_all_pairs_of_a_group() -> None:
    """Against a double loop over the group."""
    drawn, h = batch(WORLD, POLICY, GROUP), POLICY.log[0] - REF.log()
    for spec, push in (
        ("ipo(margin=3)", lambda d: -2 * (d - 3)),
        ("dpo(beta=0.7)", lambda d: 0.7 * torch.sigmoid(-0.7 * d)),
    ):
        g, count = torch.zeros(7).double(), 0
        for w in GROUP[0].tolist():
            for other in GROUP[0].tolist():
                if GRADED[w] > GRADED[other]:
                    c, count = push(h[w] - h[other]), count + 1
                    g[w], g[other] = g[w] + c, g[other] - c
        found = OBJECTIVES.make(spec).sampled(drawn, context(WORLD, LAW))[0]
        torch.testing.assert_close(found, g / count, atol=1e-13, rtol=0)


def test_ppo_after_an_inner_step() -> None:
    old = Policy.of(POLICY.log + 0.4 * torch.randn(1, 7, generator=torch.Generator().manual_seed(9)).double())
    drawn = batch(WORLD, POLICY, GROUP, old)
    advantages = OBJECTIVES.make("grpo").weigh(batch(WORLD, POLICY, GROUP), context(WORLD, LAW))[0]

    def objective(log_pi: Tensor) -> Tensor:
        ratio = torch.exp(log_pi[GROUP[0]] - old.log[0, GROUP[0]])
        return torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages).mean()

    found = OBJECTIVES.make("ppo").sampled(drawn, context(WORLD, LAW))[0]
    torch.testing.assert_close(found, slope(objective), atol=1e-8, rtol=0)
    weights = OBJECTIVES.make("ppo").weigh(drawn, context(WORLD, LAW))
    assert 0 < int((weights == 0).sum()) < 8
    free = OBJECTIVES.make("grpo").weigh(drawn, context(WORLD, LAW))[0]
    torch.testing.assert_close(free, advantages * torch.exp(POLICY.log[0, GROUP[0]] - old.log[0, GROUP[0]]))


def test_psr_nsr_and_kin_are_one_direction() -> None:
    on = POLICY.p
    psr = expected("psr", BINARY, on)
    for spec, speed in (("nsr", 1.0), ("w_reinforce(positive_weight=1)", 2.0), ("w_reinforce", 1.1)):
        assert float((expected(spec, BINARY, on) - speed * psr).abs().max()) < 1e-15
    p = float((on * BINARY.rewards).sum())
    torch.testing.assert_close(psr, on[0] * (BINARY.rewards[0] - p), atol=1e-16, rtol=0)


@pytest.mark.parametrize("group", range(2, 17))
def test_halves_of_grpo_share_the_common_curve(group: int) -> None:
    on = POLICY.p
    p = (on * BINARY.rewards).sum()
    field, c = on[0] * (BINARY.rewards[0] - p), common_speed(p, group)
    for spec, factor in (("grpo", 1.0), ("grpo_p", 1 - p), ("grpo_n", p)):
        torch.testing.assert_close(expected(spec, BINARY, on, group), factor * c * field, atol=1e-12, rtol=0)
        unscaled = expected(f"{spec}(scale=none)", BINARY, on, group)
        torch.testing.assert_close(unscaled, factor * (1 - 1 / group) * field, atol=1e-14, rtol=0)


@pytest.mark.parametrize(
    ("group", "speeds"),
    [
        (2, (1, 1, 1, 1)),
        (4, (1.727, 1.690, 1.635, 1.616)),
        (8, (2.609, 2.328, 1.963, 1.856)),
        (16, (3.733, 2.848, 2.092, 1.934)),
        (64, (6.736, 3.255, 2.162, 1.984)),
    ],
)
def test_table_of_speeds(group: int, speeds: tuple[float, ...]) -> None:
    p = torch.tensor([0.01, 0.1, 0.3, 0.5]).double()
    assert common_speed(p, group).tolist() == pytest.approx(speeds, abs=5e-4)
    torch.testing.assert_close(common_speed(1 - p, group), common_speed(p, group), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("p", "speed"), [(0.01, 10.050), (0.1, 3.333), (0.3, 2.182), (0.5, 2.000)])
def test_speed_of_infinite_groups(p: float, speed: float) -> None:
    bandit = correct_set(7, 3, p)
    start = Policy(bandit.reference.log())
    g = OBJECTIVES.make("reinforce_std").expected(start, context(bandit, start.p))
    c = g / (start.p * (bandit.rewards - p))
    assert c[0].tolist() == pytest.approx([speed] * 7, abs=5e-4)


def test_three_levels_golden() -> None:
    import numpy as np

    logits = torch.from_numpy(np.random.default_rng(0).normal(size=7))
    bandit = world(torch.tensor([0.8, 1, 0, 0.8, 0, 0, 1]))
    policy = Policy.of(logits[None])
    g = OBJECTIVES.make("grpo").expected(policy, context(bandit, policy.p))[0]
    want = [0.039947, 0.068513, -0.210944, 0.039124, -0.065072, -0.159615, 0.288047]
    assert g.tolist() == pytest.approx(want, abs=1e-6)


def test_normalisations_and_denominators() -> None:
    on = POLICY.p
    bessel = expected("grpo(scale=sample)", BINARY, on)
    ratio = bessel / expected("grpo", BINARY, on)
    assert ratio.tolist() == pytest.approx([(7 / 8) ** 0.5] * 7, abs=4e-4)  # and the 1e-4 beside the deviation
    rewards = BINARY.rewards[0, GROUP]
    plain, bessel = (advantages_of_groups(rewards, scale) for scale in ("population", "sample"))
    spread = rewards.std(-1)
    torch.testing.assert_close(bessel * (spread + 1e-4) / spread, (7 / 8) ** 0.5 * plain, atol=1e-14, rtol=0)
    unscaled = expected("grpo(scale=none)", law=on)  # graded rewards too
    torch.testing.assert_close(unscaled, 7 / 8 * expected("reinforce", law=on), atol=1e-14, rtol=0)
    drawn, ctx = batch(WORLD, POLICY, GROUP), context(WORLD, LAW)
    whole, kept = (OBJECTIVES.make(f"grpo_n(denominator={d})").weigh(drawn, ctx) for d in ("group", "kept"))
    torch.testing.assert_close(kept, whole * 8 / int((whole != 0).sum()), atol=1e-14, rtol=0)
    with pytest.raises(InputValueError, match="sampled"):
        expected("grpo(denominator=kept)")
    with pytest.raises(InputValueError, match="scale"):
        OBJECTIVES.make("grpo(scale=std)")
    with pytest.raises(InputValueError, match="clip"):
        OBJECTIVES.make("ppo(clip=2)")


def test_one_sampled_step_is_unbiased_and_leaves_the_unsampled_alone() -> None:
    """2e5 groups; a zero-sum weight leaves unsampled logits alone, negatives only raise them by eta pi S / G."""
    seeds, bandit = 200_000, world((torch.arange(12) < 4).double(), seed=5)
    arms = [OBJECTIVES.make(name) for name in ("grpo", "grpo_p", "grpo_n")]
    trace = simulate(bandit, arms, 1.0, 1, "sampled", seeds=seeds, keep="end")
    start = Policy(bandit.reference.log())
    for place, arm in enumerate(arms):
        mean = (trace.z[place, 0, :, 0] - start.log[0]).mean(0)
        assert float((mean - arm.expected(start, context(bandit, start.p))[0]).abs().max()) < 1e-3
    actions = torch.tensor([[0, 1, 5, 6, 7, 5, 6, 8]])
    drawn, ctx = batch(bandit, start, actions), context(bandit, start.p)
    unseen = [a for a in range(12) if a not in actions[0].tolist()]
    assert float(arms[0].sampled(drawn, ctx)[0, unseen].abs().max()) < 1e-14
    total = -arms[2].weigh(drawn, ctx).sum()
    rise = arms[2].sampled(drawn, ctx)[0, unseen]
    torch.testing.assert_close(rise, start.p[0, unseen] * total / 8, atol=1e-14, rtol=0)
    assert float(rise.min()) > 0


UNBIASED = ("mle", "psr", "nsr", "w_reinforce", "reinforce(baseline=0.3)", "pref_ft", "best_of_n(n=4)", "kl_reward",
            "reverse_kl", "grpo", "grpo_p", "grpo_n", "ppo")  # fmt: skip


@pytest.mark.parametrize("spec", UNBIASED)
def test_one_sampled_step_off_policy_is_unbiased_too(spec: str) -> None:
    """Groups of an old law, ratios and clips included. The others divide by what a finite group happens to hold."""
    count, law, objective = 100_000, LAW, OBJECTIVES.make(spec)
    numbers = torch.Generator().manual_seed(1)
    actions = draw(law.expand(count, 1, 7), torch.rand(count, 1, 4, generator=numbers, dtype=torch.float64))
    rewards, log_now, log_old, log_ref = (
        table.expand(count, 1, 7).gather(-1, actions)
        for table in (WORLD.rewards, POLICY.log, law.log(), WORLD.reference.log())
    )
    policy = Policy(POLICY.log.expand(count, 1, 7))
    drawn = Batch(actions, rewards, log_now, log_old, log_ref, policy, fresh=False)
    found = objective.sampled(drawn, context(WORLD, law, 4))
    wanted = expected(spec, law=law, group=4)
    assert float(wanted.abs().max()) > 0.02
    error = (found.mean(0)[0] - wanted).abs() / (found.std(0)[0] / count**0.5)
    assert float(error.max()) < 5


def test_actions_a_data_set_lacks_have_no_ratio() -> None:
    law = torch.where(torch.arange(7) == 6, 0.0, LAW)
    law = law / law.sum()
    g = expected("grpo", law=law)
    # The best action was never drawn: it moves with the normaliser alone, like the mass of all that moved.
    p, moved = POLICY.p[0], g[:6] / POLICY.p[0, :6]
    assert float(g[6] / p[6]) == pytest.approx(float(-(p[:6] * (moved - g[6] / p[6])).sum()), abs=1e-14)
    assert float(g[6] / p[6]) != pytest.approx(float(expected("grpo")[6] / p[6]), abs=1e-3)


def test_noise_of_one_update() -> None:
    """Of the log-ratio of two equally likely correct actions, in units of the step squared."""
    bandit, count = correct_set(200, 60, 0.3), 20_000
    sampler = Sampler(bandit, 8, count, 0, None)
    start = bandit.reference.expand(1, 1, count, 1, 200)
    sampler.draw(start)
    drawn, ctx = sampler.batch(Policy(start.log()), fresh=True), context(bandit, start)
    directions = [OBJECTIVES.make(name).sampled(drawn, ctx)[0, 0, :, 0] for name in ("psr", "nsr", "grpo_n", "grpo")]
    noise = [float((g[:, 0] - g[:, 1]).var()) for g in directions]
    assert noise[0] == pytest.approx(0.00125, rel=0.05)
    assert noise[1] < 1e-30 and noise[2] < 1e-30
    assert noise[3] == pytest.approx(0.0027, rel=0.05)


def test_silent_groups() -> None:
    """All wrong: the GRPO family does nothing, NSR pushes; all correct: PSR pulls."""
    ctx = context(BINARY, LAW)
    wrong, right = (batch(BINARY, POLICY, torch.tensor([actions])) for actions in ([0, 1, 2, 3], [4, 5, 6, 6]))
    for name in ("grpo", "grpo_p", "grpo_n", "ppo", "nthr"):
        for drawn in (wrong, right):
            assert float(OBJECTIVES.make(name).weigh(drawn, ctx).abs().max()) == 0
    assert OBJECTIVES.make("nsr").weigh(wrong, ctx).tolist() == [[-1.0] * 4]
    assert float(OBJECTIVES.make("nsr").weigh(right, ctx).abs().max()) == 0
    assert OBJECTIVES.make("psr").weigh(right, ctx).tolist() == [[1.0] * 4]


def test_equal_rewards_rich_get_richer() -> None:
    on = POLICY.p
    for spec in ("grpo", "grpo_p", "grpo_n", "psr", "nsr"):
        g = expected(spec, BINARY, on)
        good = [a for a in range(7) if BINARY.rewards[0, a] == 1]
        for a in good:
            for b in good:
                if a != b:
                    assert bool((g[a] > g[b]) == (on[0, a] > on[0, b]))


def test_lemma_of_the_reverse_divergence() -> None:
    best = REF * torch.exp(GRADED / 0.3)
    log_best, z = (best / best.sum()).log(), best.sum().log()
    left = POLICY.p[0] @ GRADED - 0.3 * kl(POLICY.log[0], REF.log())
    assert float(left - (0.3 * z - 0.3 * kl(POLICY.log[0], log_best))) == pytest.approx(0, abs=1e-12)


def test_exact_form_refuses_what_it_has_not() -> None:
    with pytest.raises(InputValueError, match="compositions"):
        group_table(torch.arange(30).double(), 16, "population")
    with pytest.raises(InputValueError, match="compositions"):
        group_table(torch.arange(2).double(), 1, "population")
    for spec in ("nthr", "best_of_n(negatives=worst)"):
        with pytest.raises(InputValueError, match="sampled"):
            expected(spec)


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_documented_frozen_and_made_by_name(name: str) -> None:
    kind = OBJECTIVES.classes[name]
    text = kind.__doc__ or ""
    for section in ("Sign:", "Source:", "Deviations:", "Example:"):
        assert section in text
    made = OBJECTIVES.make(name)
    assert OBJECTIVES.name_of(made) == name and made.label
    options = [item for item in fields(cast(Any, kind)) if item.init]
    for option in options:
        assert f"{option.name}:" in text
    with pytest.raises(FrozenInstanceError):
        setattr(made, options[0].name if options else "anything", 1)
