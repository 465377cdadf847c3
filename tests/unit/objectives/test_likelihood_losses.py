"""Likelihood, RWR, Best-of-N, NPO and the divergences: values, signs, gradients."""

import math

import pytest
import torch

from antigrad.core import InputTypeError, InputValueError
from antigrad.objectives import BestOfN, Likelihood, Npo, Rwr, advantages_of_groups, clipped_gain, group_advantages
from antigrad.objectives.best_of_n import Negatives
from antigrad.objectives.divergence import forward_kl_direction, kl, reverse_kl_direction
from helpers.losses import CHOSEN, REF_REJECTED, REJECTED, central, leaf

REWARDS = torch.tensor([0.2, 1.0, 0.0, 0.5], dtype=torch.float64)
LOG_PROBS = torch.tensor([-1.0, -3.0, -0.4, -2.0], dtype=torch.float64)


def test_likelihood_is_a_weighted_mean_split_by_sign() -> None:
    assert Likelihood()(CHOSEN / 8, torch.ones(1).double()).total().item() == 1.5  # TRL's sft on the golden pair
    w = torch.tensor([1.0, -2.0, 0.0, 0.5], dtype=torch.float64)
    parts = Likelihood()(LOG_PROBS, w)
    assert (parts.up.item(), parts.down.item()) == pytest.approx(((1.0 + 1.0) / 4, -6.0 / 4))
    logp = leaf(LOG_PROBS)
    Likelihood()(logp, w).total().backward()
    torch.testing.assert_close(logp.grad, -w / 4)
    with pytest.raises(InputTypeError, match="one weight per response"):
        Likelihood()(LOG_PROBS, w[:2])


def test_rwr_weights() -> None:
    raw = Rwr(beta=0.5, raw=True).weights(REWARDS)
    torch.testing.assert_close(raw, torch.exp(2 * REWARDS))
    torch.testing.assert_close(Rwr(beta=0.5).weights(REWARDS), raw / raw.mean())
    law = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    assert (law * Rwr(beta=0.5).weights(REWARDS, law)).sum().item() == pytest.approx(1.0)
    assert bool(Rwr(beta=1e-4).weights(REWARDS).isfinite().all())
    assert Rwr(beta=0.5)(LOG_PROBS, REWARDS).down.item() == 0.0
    with pytest.raises(InputValueError, match="beta"):
        Rwr(beta=0.0)


@pytest.mark.parametrize("kind", ["none", "worst", "mean", "sum", "complement"])
def test_best_of_n_weights_are_minus_the_gradient(kind: Negatives) -> None:
    loss = BestOfN(negatives=kind, beta=0.3)
    rewards, log_probs = torch.stack([REWARDS, REWARDS.flip(0)]), torch.stack([LOG_PROBS, LOG_PROBS - 1])
    weights = loss.weights(rewards, log_probs)
    numeric = central(lambda x: loss(x.view(2, 4), rewards).total(), log_probs.flatten()).view(2, 4)
    torch.testing.assert_close(weights / 2, -numeric, atol=1e-9, rtol=0)
    assert weights[0, 1] == 1 and weights[1, 2] == 1
    assert bool((weights[0, [0, 2, 3]] <= 0).all()) and bool((weights[0].min() < 0) == (kind != "none"))


def test_best_of_n_complement_is_the_probability_s_odds() -> None:
    weights = BestOfN(negatives="complement", beta=1.0).weights(REWARDS, LOG_PROBS)
    assert weights[0].item() == pytest.approx(-math.exp(-1) / (1 - math.exp(-1)), rel=1e-12)
    with pytest.raises(InputValueError, match="log-probabilities"):
        BestOfN(negatives="complement").weights(REWARDS)
    with pytest.raises(InputValueError, match="negatives"):
        BestOfN(negatives="worse")  # type: ignore[arg-type]
    with pytest.raises(InputValueError, match="beta"):
        BestOfN(beta=-1)


def test_npo_golden_and_bounds() -> None:
    logp = leaf(REJECTED)
    parts = Npo()(logp, REF_REJECTED)
    parts.total().backward()
    assert parts.down.item() == pytest.approx(11.5187883976, abs=1e-10)
    assert logp.grad is not None and logp.grad.item() == pytest.approx(0.8756469982, abs=1e-10)
    assert Npo().pushes(torch.zeros(1)).item() == 1.0
    assert Npo(beta=1).pushes(torch.tensor([-49.0]).double()).item() < 1e-20
    with pytest.raises(InputValueError, match="zero"):
        Npo()(REJECTED, torch.tensor([-math.inf]))
    with pytest.raises(InputTypeError, match="one shape"):
        Npo()(REJECTED, torch.zeros(3))
    with pytest.raises(InputValueError, match="beta"):
        Npo(beta=0)


def test_many_groups_are_each_one_group() -> None:
    rewards = torch.rand(3, 4, 8, dtype=torch.float64)
    rewards[0, 0] = 0.1
    for scale in ("sample", "population", "none"):
        rows = [group_advantages(row, scale=scale) for row in rewards.flatten(0, 1)]  # type: ignore[arg-type]
        found = advantages_of_groups(rewards, scale)  # type: ignore[arg-type]
        torch.testing.assert_close(found.flatten(0, 1), torch.stack(rows), atol=1e-13, rtol=0)
        assert bool((found[0, 0] == 0).all())


def test_clipped_gain_drops_what_has_moved_enough() -> None:
    log_ratio = leaf(torch.tensor([0.3, 0.3, -0.3, -0.3, 900.0]).double())
    weights = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0]).double()
    clipped_gain(log_ratio, weights, 0.2, 0.2).sum().backward()
    wanted = [0.0, -math.exp(0.3), math.exp(-0.3), 0.0, 0.0]
    assert log_ratio.grad is not None and log_ratio.grad.tolist() == pytest.approx(wanted)


def test_divergences_and_their_directions() -> None:
    z, q = torch.randn(6, dtype=torch.float64), torch.softmax(torch.randn(6, dtype=torch.float64), -1)
    log_pi = z.log_softmax(-1)
    forward = central(lambda x: -kl(q.log(), x.log_softmax(-1)), z)
    reverse = central(lambda x: -kl(x.log_softmax(-1), q.log()), z)
    torch.testing.assert_close(forward_kl_direction(log_pi, q), forward, atol=1e-9, rtol=0)
    torch.testing.assert_close(reverse_kl_direction(log_pi, q.log()), reverse, atol=1e-9, rtol=0)
    assert kl(q.log(), q.log()).item() == 0.0
    half = torch.tensor([1.0, 0.0]).double()
    assert kl(half.log(), torch.tensor([0.5, 0.5]).double().log()).item() == pytest.approx(math.log(2))
    with pytest.raises(InputValueError, match="zero"):
        reverse_kl_direction(half.log(), half.log())
