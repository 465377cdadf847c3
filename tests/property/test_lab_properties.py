"""Random worlds: what holds for every policy, reward, group size and objective."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from antigrad.lab import OBJECTIVES, Bandit, simulate
from antigrad.lab.groups import common_speed
from antigrad.lab.objective import Policy
from helpers.labs import batch, context, dirichlet

SEEDS = st.integers(0, 10_000)
EXTREME = st.sampled_from([0.1, 1.0, 30.0, 700.0])
"""Scale of logits: up to probabilities that underflow."""


def random_world(seed: int, actions: int, levels: int) -> Bandit:
    draw = torch.Generator().manual_seed(seed)
    rewards = torch.randint(0, levels, (2, actions), generator=draw).double() / max(levels - 1, 1)
    return Bandit(rewards, dirichlet(2, actions, seed=seed))


@given(SEEDS, st.integers(1, 9), st.integers(1, 4), EXTREME, st.sampled_from(OBJECTIVES.names()), st.integers(2, 8))
def test_directions_are_finite_and_sum_to_zero(
    seed: int, actions: int, levels: int, scale: float, name: str, group: int
) -> None:
    """One action, one reward level and probabilities that underflow included."""
    bandit, draw = random_world(seed, actions, levels), torch.Generator().manual_seed(seed)
    policy = Policy.of(scale * torch.randn(2, actions, generator=draw, dtype=torch.float64))
    objective, ctx = OBJECTIVES.make(name), context(bandit, policy.p, group)
    found = [] if name == "nthr" else [objective.expected(policy, ctx)]
    found.append(objective.sampled(batch(bandit, policy, torch.randint(0, actions, (2, group), generator=draw)), ctx))
    for g in found:
        assert bool(g.isfinite().all())
        size = max(1.0, float(g.abs().max()))
        assert float(g.sum(-1).abs().max()) < 1e-13 * size
        if actions == 1:
            assert float(g.abs().max()) < 1e-12 * size


@given(SEEDS, st.integers(2, 12), st.integers(2, 16))
def test_one_curve(seed: int, actions: int, group: int) -> None:
    """GRPO and its halves are the same direction at their own speeds, whatever the policy."""
    bandit = random_world(seed, actions, 2)
    policy = Policy.of(torch.randn(2, actions, generator=torch.Generator().manual_seed(seed)).double())
    p = (policy.p * bandit.rewards).sum(-1, keepdim=True)
    field, ctx = policy.p * (bandit.rewards - p), context(bandit, policy.p, group)
    speed = common_speed(p.clamp(1e-9, 1 - 1e-9)[..., 0], group)[..., None]
    for name, factor in (("grpo", torch.ones_like(p)), ("grpo_p", 1 - p), ("grpo_n", p)):
        want = torch.where(field.abs().sum(-1, keepdim=True) > 1e-12, factor * speed * field, 0.0)
        torch.testing.assert_close(OBJECTIVES.make(name).expected(policy, ctx), want, atol=1e-11, rtol=0)


@given(SEEDS, st.sampled_from(["grpo", "psr", "nsr", "reinforce", "kl_reward"]), st.floats(0.01, 0.5))
def test_expected_reward_does_not_fall_on_policy(seed: int, name: str, eta: float) -> None:
    """One small exact step of a policy gradient raises its own objective."""
    bandit = random_world(seed, 6, 2)
    trace = simulate(bandit, OBJECTIVES.make(name), eta, 1)

    def value(pi: torch.Tensor) -> torch.Tensor:
        reward = (pi * bandit.rewards).sum(-1)
        return reward if name != "kl_reward" else reward - 0.1 * (pi * (pi / bandit.reference).log()).sum(-1)

    before, after = (value(pi[0, 0, 0]) for pi in trace.pi)
    assert bool((after >= before - 1e-12).all())


@pytest.mark.parametrize("name", ["dpo", "ipo", "npo", "kl_reward", "reverse_kl"])
@given(seed=SEEDS)
def test_a_constant_in_the_logits_changes_nothing(name: str, seed: int) -> None:
    bandit = random_world(seed, 5, 3)
    z = torch.randn(2, 5, generator=torch.Generator().manual_seed(seed)).double()
    one, two = (
        OBJECTIVES.make(name).expected(Policy.of(logits), context(bandit, dirichlet(2, 5, seed=seed + 1)))
        for logits in (z, z + 37.5)
    )
    torch.testing.assert_close(one, two, atol=1e-12, rtol=0)
