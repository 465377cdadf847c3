"""Invariants of GRPO as parts over random batches."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from antigrad.objectives import Grpo, group_advantages


@given(
    st.integers(0, 10_000),
    st.sampled_from([(2, 1), (3, 4), (6, 9)]),
    st.sampled_from(["tokens", "responses", "constant"]),
    st.floats(0, 3),
    st.sampled_from([0.0, 0.2]),
)
def test_parts_sum_and_keep_to_their_tokens(
    seed: int, shape: tuple[int, int], normalisation: str, spread: float, beta: float
) -> None:
    draw = torch.Generator().manual_seed(seed)
    old, weights = (torch.randn(shape, generator=draw, dtype=torch.float64) for _ in range(2))
    now = (old + spread * torch.randn(shape, generator=draw, dtype=torch.float64)).requires_grad_(True)
    mask = torch.rand(shape, generator=draw) < 0.7
    mask[0, 0] = True
    grpo = Grpo(beta=beta, normalisation=normalisation, max_length=12)  # type: ignore[arg-type]
    parts = grpo(now, old, weights, mask, old - 0.1)
    whole = torch.autograd.grad(parts.total(), now, retain_graph=True)[0]
    pieces = [
        torch.autograd.grad(p, now, retain_graph=True)[0]
        for p in (parts.up, parts.down, parts.anchor)
        if p.requires_grad
    ]
    torch.testing.assert_close(whole, sum(pieces), atol=1e-14, rtol=0)
    up, down = pieces[:2]
    assert bool((up[~mask | (weights <= 0)] == 0).all() & (up <= 0).all())
    assert bool((down[~mask | (weights >= 0)] == 0).all() & (down >= 0).all())
    assert parts.up.item() <= 0 <= parts.down.item()
    assert parts.anchor.item() >= 0


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=12), st.sampled_from(["sample", "population", "none"])
)
def test_advantages_are_centred_and_ordered(rewards: list[float], scale: str) -> None:
    given_rewards = torch.tensor(rewards, dtype=torch.float64)
    found = group_advantages(given_rewards, scale=scale)  # type: ignore[arg-type]
    assert bool(found.isfinite().all())
    size = 1 + float(found.abs().max())
    assert abs(float(found.sum())) < 1e-6 * size * len(rewards) * (1 + float(given_rewards.abs().max()) / size)
    order = given_rewards.argsort()
    assert bool((found[order].diff() >= 0).all())
    if scale == "population" and float(given_rewards.std()) > 1e-3:
        assert math.isclose(float(found.pow(2).mean()), 1, rel_tol=1e-9)
