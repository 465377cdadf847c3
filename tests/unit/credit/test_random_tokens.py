"""The random control of NTHR: the same count, other tokens, without preference."""

from dataclasses import replace

import torch

from antigrad.credit.nthr import Nthr
from antigrad.credit.random import RandomTokens
from helpers.cases import random_case

CASE = random_case(20, (True, False, False, True), longest=14)
GROUP = CASE.group(CASE.influence())
BETA = 0.15


def drawn(seed: int) -> torch.Tensor:
    """Tokens that RandomTokens weakened."""
    group = replace(GROUP, seed=seed)
    return RandomTokens(beta=BETA, eta=0.25)(group) != group.spread()


def test_the_fixture_selects_some_and_not_all() -> None:
    count, size = Nthr(beta=BETA).select(GROUP).sum(-1), GROUP.wrong_tokens().sum(-1)
    assert bool((count[1:3] > 0).all() & (count[1:3] < size[1:3]).all())


def test_as_many_as_nthr_in_every_response_and_only_counted_wrong_tokens() -> None:
    count = Nthr(beta=BETA).select(GROUP).sum(-1)
    for seed in range(200):
        chosen = drawn(seed)
        assert torch.equal(chosen.sum(-1), count)
        assert not bool((chosen & ~GROUP.wrong_tokens()).any())


def test_drawn_tokens_get_eta_times_their_advantage() -> None:
    chosen, found = drawn(3), RandomTokens(beta=BETA, eta=0.25)(replace(GROUP, seed=3))
    assert torch.equal(found[chosen], 0.25 * GROUP.spread()[chosen])
    assert bool((found[chosen] < 0).all())


def test_the_seed_decides() -> None:
    assert torch.equal(drawn(5), drawn(5))
    assert len({tuple(drawn(seed).flatten().tolist()) for seed in range(20)}) > 10


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    drawn(1)
    assert torch.equal(before, torch.get_rng_state())


def test_every_allowed_token_is_drawn_equally_often() -> None:
    """Chi-square per response at about six standard deviations."""
    draws = 1500
    hits = torch.stack([drawn(seed) for seed in range(draws)]).sum(0).double()
    for row in (1, 2):
        allowed = GROUP.wrong_tokens()[row]
        size, count = int(allowed.sum()), int(Nthr(beta=BETA).select(GROUP)[row].sum())
        expected = draws * count / size
        # Drawing without replacement: the statistic has size - 1 degrees of freedom times (1 - count / size).
        statistic = float(((hits[row][allowed] - expected) ** 2 / expected).sum()) / (1 - count / size)
        assert statistic * (size - 1) / size < (size - 1) + 6 * (2 * (size - 1)) ** 0.5
