"""Time, memory and constant metrics, on systems whose answers are known."""

import math

import pytest
import torch

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.geometry.angle import Certificate
from antigrad.geometry.augmented import heavy_ball_state, static_metric, with_time
from antigrad.geometry.metric import preconditioner
from helpers.pairs import generator, loss, normal, pair, quartic, random_spd, slope


def test_a_loss_that_changes_by_itself() -> None:
    rng = generator(0)
    for _ in range(50):
        one = pair(rng, 5)
        gain = float(one.g @ one.y)
        for dloss_dt, falls in ((0.5 * gain, True), (1.5 * gain, False), (-gain, True)):
            g, y = with_time(one.g, one.y, dloss_dt)
            assert float(g @ y) == pytest.approx(gain - dloss_dt, rel=1e-12)
            assert Certificate.of(g, y).effective is falls
            if falls:
                torch.testing.assert_close(preconditioner(g, y)(y), g, rtol=0, atol=1e-9 * float(g.norm()))


def test_drift_alone_makes_a_useless_rule_look_effective() -> None:
    uphill, y = -torch.ones(3), torch.ones(3)
    assert not Certificate.of(uphill, y).effective
    assert Certificate.of(*with_time(uphill, y, dloss_dt=-10.0)).effective


def test_time_against_a_loss_followed_in_time() -> None:
    """L(x, t) = (x - t)^2 / 2 under x' = g."""
    x, time, g, dt = 0.3, 1.0, 0.4, 1e-7
    y, dloss_dt = -(x - time), -(x - time)
    rate = ((x + g * dt - time - dt) ** 2 - (x - time) ** 2) / 2 / dt
    step, descent = with_time(torch.tensor([g]).double(), torch.tensor([y]).double(), dloss_dt)
    assert float(step @ descent) == pytest.approx(-rate, rel=1e-5)


def test_energy_of_the_heavy_ball() -> None:
    rng = generator(1)
    for _ in range(50):
        coefficients, theta, v = quartic(rng, 5), normal(rng, 5), normal(rng, 5)
        y, dt = -slope(coefficients, theta), 1e-7
        g, descent = heavy_ball_state(v, y, friction=0.7)
        assert float(g @ descent) == pytest.approx(0.7 * float(v @ v), rel=1e-8)
        assert Certificate.of(g, descent).effective
        moved, faster = theta + dt * g[:5], v + dt * g[5:]
        before = loss(coefficients, theta) + float(v @ v) / 2
        after = loss(coefficients, moved) + float(faster @ faster) / 2
        assert (before - after) / dt == pytest.approx(float(g @ descent), rel=1e-4, abs=1e-5)


def test_a_heavy_ball_at_rest_has_no_certificate() -> None:
    g, y = heavy_ball_state(torch.zeros(3), torch.ones(3), friction=0.7)
    assert not Certificate.of(g, y).effective


def test_one_constant_metric_for_many_steps() -> None:
    rng = generator(2)
    for _ in range(60):
        P, Y = random_spd(rng, 7), normal(rng, 3, 7)
        found = static_metric(Y, Y @ P)
        assert found.exists
        assert found.asymmetry < 1e-7
        assert found.preconditioner is not None
        dense = torch.stack([found.preconditioner(row) for row in torch.eye(7, dtype=torch.float64)])
        torch.testing.assert_close(dense, dense.T, rtol=0, atol=1e-9 * float(P.abs().max()))
        torch.testing.assert_close(Y @ dense, Y @ P, rtol=0, atol=1e-5)
        assert float(torch.linalg.eigvalsh(dense)[0]) > 0


def test_the_constant_metric_can_fail() -> None:
    rng = generator(3)
    P, Y = random_spd(rng, 7), normal(rng, 3, 7)
    G = Y @ P
    backwards = static_metric(Y, -G)
    assert (backwards.exists, backwards.preconditioner) == (False, None)
    assert backwards.asymmetry < 1e-7
    turned = static_metric(Y, G + 0.1 * normal(rng, 3, 7))
    assert not turned.exists
    assert turned.asymmetry > 1e-3


def test_asymmetry_of_a_rotation() -> None:
    """Y^T G antisymmetric: twice its own size away from its transpose."""
    eye = torch.eye(2, dtype=torch.float64)
    assert static_metric(eye, torch.tensor([[0.0, 1.0], [-1.0, 0.0]]).double()).asymmetry == pytest.approx(2.0)
    assert static_metric(eye, torch.zeros(2, 2)).asymmetry == 0.0
    assert not static_metric(eye, torch.zeros(2, 2)).exists


def test_every_step_may_be_certified_though_no_constant_metric_is() -> None:
    Y = torch.eye(2, dtype=torch.float64)
    G = torch.tensor([[1.0, 0.5], [-0.5, 1.0]]).double()
    assert all(Certificate.of(g, y).effective for g, y in zip(G, Y, strict=True))
    assert not static_metric(Y, G).exists


def test_one_step_has_a_constant_metric_if_it_is_effective() -> None:
    one = pair(generator(4), 4)
    assert static_metric(one.y[None], one.g[None]).exists
    assert not static_metric(one.y[None], -one.g[None]).exists


def test_states_that_cannot_be() -> None:
    one = torch.ones(3)
    with pytest.raises(InputValueError, match="dloss_dt"):
        with_time(one, one, math.nan)
    for friction in (0.0, -1.0, math.inf):
        with pytest.raises(InputValueError, match="friction"):
            heavy_ball_state(one, one, friction)
    for build in (lambda a: with_time(a, a, 0.0), lambda a: heavy_ball_state(a, a, 1.0)):
        with pytest.raises(InputTypeError, match="flatten"):
            build(one[None])
    with pytest.raises(InputTypeError, match=r"\(T, D\)"):
        static_metric(one, one)
    with pytest.raises(InputTypeError, match="one shape"):
        static_metric(torch.ones(2, 3), torch.ones(2, 4))
    with pytest.raises(InputValueError, match="2 descents of rank 1"):
        static_metric(torch.ones(2, 3), torch.ones(2, 3))
