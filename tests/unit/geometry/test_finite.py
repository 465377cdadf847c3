"""Finite steps, windows and noise, on losses whose drops are known."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.geometry.angle import Certificate
from antigrad.geometry.finite import (
    discrete_angle,
    discrete_certificate,
    discrete_gradient,
    ito_rate,
    overshoot,
    two_batch_descent_sq,
    unbiased_descent_sq,
    window_certificate,
    windowed_drop,
)
from antigrad.geometry.metric import preconditioner
from helpers.pairs import condition, generator, loss, normal, quartic, random_spd, slope, uniform


def vector(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_the_golden_bowl() -> None:
    """L = (x1^2 + 4 x2^2) / 2 at (1, 1), stepping by (-.5, -.25)."""
    theta, delta, curvature = vector(1, 1), vector(-0.5, -0.25), vector(1, 4)
    y = -curvature * theta
    drop = float((curvature * (theta**2 - (theta + delta) ** 2)).sum() / 2)
    sums = (float(delta @ delta), float(y @ y), float(delta @ y), drop)
    assert sums == (0.3125, 17.0, 1.5, 1.25)
    assert discrete_gradient(y, delta, drop).tolist() == pytest.approx([-0.6, -3.8], abs=1e-9)
    assert math.tan(discrete_angle(*sums)) == pytest.approx(1.4, abs=1e-9)
    one = discrete_certificate(*sums)
    assert (one.dot, one.descent_sq, one.effective) == (1.25, pytest.approx(0.6**2 + 3.8**2, rel=1e-12), True)
    assert window_certificate(theta, theta + delta, y, drop) == one


def averaged(coefficients: tuple[Tensor, Tensor], theta: Tensor, delta: Tensor) -> Tensor:
    """Negative gradient averaged along the step: two points are exact for cubics, so three are plenty."""
    nodes = [(0.5 - math.sqrt(15) / 10, 5 / 18), (0.5, 4 / 9), (0.5 + math.sqrt(15) / 10, 5 / 18)]
    return -torch.stack([weight * slope(coefficients, theta + x * delta) for x, weight in nodes]).sum(0)


def test_finite_steps_on_quartics() -> None:
    """A step lowers the loss if and only if an SPD matrix makes it of an averaged gradient."""
    rng = generator(0)
    falls = 0
    for _ in range(200):
        coefficients, theta = quartic(rng, 6), normal(rng, 6)
        y = -slope(coefficients, theta)
        delta = normal(rng, 6) * uniform(rng, 0.05, 1) + uniform(rng, 0, 0.6) * y
        drop = loss(coefficients, theta) - loss(coefficients, theta + delta)
        for ybar in (averaged(coefficients, theta, delta), discrete_gradient(y, delta, drop)):
            assert float(ybar @ delta) == pytest.approx(drop, rel=1e-7, abs=1e-9)
        ybar, gonzalez = averaged(coefficients, theta, delta), discrete_gradient(y, delta, drop)
        sums = (float(delta @ delta), float(y @ y), float(delta @ y), drop)
        one, direct = discrete_certificate(*sums), Certificate.of(delta, gonzalez)
        assert one.effective == (drop > 0)
        assert (one.cos, one.rho, one.dot) == pytest.approx((direct.cos, direct.rho, direct.dot), rel=1e-6, abs=1e-9)
        assert discrete_angle(*sums) == pytest.approx(math.acos(direct.cos), rel=1e-6)
        assert (discrete_angle(*sums) < math.pi / 2) == (drop > 0)
        if drop > 1e-9:
            falls += 1
            P = preconditioner(delta, ybar, "arithmetic")
            assert condition(P.as_matrix()) > 0
            torch.testing.assert_close(P(ybar), delta, rtol=0, atol=1e-6 * float(delta.norm()))
    assert 100 < falls < 190


def test_the_correction_is_along_the_step_alone() -> None:
    rng = generator(1)
    y, delta = normal(rng, 2, 3), normal(rng, 2, 3).float()
    found = discrete_gradient(y, delta, 0.7)
    assert (found.shape, found.dtype) == ((2, 3), torch.float64)
    change = (found - y).flatten()
    assert Certificate.of(delta.double().flatten(), change).sin == pytest.approx(0, abs=1e-7)
    truth = float((delta.double() * y).sum())
    torch.testing.assert_close(discrete_gradient(y, delta, truth), y)


def test_a_discrete_gradient_of_nothing() -> None:
    assert math.isnan(discrete_angle(1.0, 0.0, 0.0, 0.0))
    assert discrete_angle(1.0, 0.0, 0.0, 0.5) == 0.0
    assert discrete_angle(1.0, 0.0, 0.0, -0.5) == math.pi
    assert discrete_angle(1.0, 1.0, 0.0, 0.0) == math.pi / 2


@pytest.mark.parametrize("given", [(0.0, 1.0, 0.0, 0.1), (1.0, 1.0, 0.5, math.nan), (1.0, -1.0, 0.5, 0.1)])
def test_finite_steps_that_cannot_be(given: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputValueError, match="try:"):
        discrete_certificate(*given)
    with pytest.raises(InputValueError, match="try:"):
        discrete_angle(*given)


def test_discrete_gradients_that_cannot_be() -> None:
    with pytest.raises(InputValueError, match="skip this step"):
        discrete_gradient(vector(1), vector(0), 1.0)
    with pytest.raises(InputValueError, match="skip this step"):
        discrete_gradient(vector(1), vector(1), math.inf)
    with pytest.raises(InputTypeError, match="one shape"):
        discrete_gradient(vector(1), vector(1, 2), 1.0)
    with pytest.raises(InputTypeError, match="one shape"):
        window_certificate(vector(1), vector(1, 2), vector(1), 1.0)
    with pytest.raises(InputValueError, match="moves"):
        window_certificate(vector(1), vector(1), vector(1), 0.0)


def test_windows_of_the_heavy_ball() -> None:
    """Single steps raise the loss often; windows of twenty rarely."""
    coefficients = quartic(generator(2), 6)
    theta, v, path = 2 * normal(generator(3), 6), torch.zeros(6, dtype=torch.float64), []
    for _ in range(61):
        path.append(theta)
        v = 0.95 * v - 0.05 * slope(coefficients, theta)
        theta = theta + v

    def certificate(a: Tensor, b: Tensor) -> Certificate:
        drop = loss(coefficients, a) - loss(coefficients, b)
        return window_certificate(a, b, -slope(coefficients, a), drop)

    single = sum(not certificate(a, b).effective for a, b in pairwise(path))
    window = sum(not certificate(path[i], path[i + 20]).effective for i in range(41))
    assert single == sum(loss(coefficients, b) >= loss(coefficients, a) for a, b in pairwise(path))
    assert single > 15
    assert window < single / 2


def lyapunov(A: Tensor) -> Tensor:
    """Q with A^T Q + Q A = -I."""
    size = len(A)
    eye = torch.eye(size, dtype=torch.float64)
    system = torch.kron(A.T.contiguous(), eye) + torch.kron(eye, A.T.contiguous())
    return torch.linalg.solve(system, -eye.flatten()).reshape(size, size)


def test_windowed_loss_of_a_flow_that_is_not_normal() -> None:
    """L = |x|^2/2 rises at many states, the windowed loss at none; its slope is the drop over the window."""
    A, duration = torch.tensor([[-0.2, 6.0], [0.0, -0.4]]).double(), 30.0
    Q, flow = lyapunov(A), torch.linalg.matrix_exp(A * duration)
    windowed = (Q - flow.T @ Q @ flow) / duration
    rng, rises = generator(4), 0
    for _ in range(300):
        x = normal(rng, 2)
        g, end = A @ x, flow @ x
        one = Certificate.of(g, -windowed @ x)
        drop = windowed_drop(float(x @ x) / 2, float(end @ end) / 2, duration)
        assert one.dot == pytest.approx(drop, rel=1e-7, abs=1e-12)
        assert one.effective
        rises += not Certificate.of(g, -x).effective
    assert 100 < rises < 200


def test_windowed_drop_is_per_time_and_signed() -> None:
    assert (windowed_drop(3.0, 1.0, 4.0), windowed_drop(1.0, 3.0, 4.0)) == (0.5, -0.5)
    for given in ((math.nan, 1.0, 1.0), (1.0, math.inf, 1.0), (1.0, 1.0, 0.0)):
        with pytest.raises(InputValueError, match="positive duration"):
            windowed_drop(*given)


def test_a_stable_linear_system_always_goes_down() -> None:
    """g.y = |x|^2 / 2 along the whole spiral."""
    A = torch.tensor([[-0.1, 2.0], [-1.0, -0.1]]).double()
    Q, x, kappas = lyapunov(A), vector(1.0, 0.5), []
    for _ in range(400):
        g = A @ x
        one = Certificate.of(g, -Q @ x)
        assert one.dot == pytest.approx(float(x @ x) / 2, rel=1e-8)
        kappas.append(one.kappa)
        x = x + 1e-2 * g
    assert min(kappas) > 100
    assert max(kappas) / min(kappas) > 5


def test_overshoot_of_a_bowl() -> None:
    """L = x^2 / 2 from 1: steps beyond -1 went past the bottom."""
    for size, past in ((0.5, False), (0.99, False), (1.0, False), (1.01, True), (1.9, True)):
        assert overshoot(vector(-size), vector(-(1 - size))) is past
    with pytest.raises(InputTypeError, match="one shape"):
        overshoot(vector(1), vector(1, 2))


def test_noise_is_taken_out_of_the_squared_length() -> None:
    rng = generator(5)
    y = 0.3 * normal(rng, 50)
    batches = y + 0.75 * normal(rng, 4000, 8, 50)
    truth = float(y @ y)
    ours = [unbiased_descent_sq(float((m := ranks.mean(0)) @ m), (ranks**2).sum(1)) for ranks in batches]
    pairs = [two_batch_descent_sq(ranks[0], ranks[1]) for ranks in batches]
    one = float((batches[:, 0] ** 2).sum(-1).mean())
    assert sum(ours) / len(ours) == pytest.approx(truth, rel=0.02)
    assert sum(pairs) / len(pairs) == pytest.approx(truth, rel=0.05)
    assert one > 5 * truth


def test_squared_length_without_noise_is_the_mean_over_pairs() -> None:
    ranks = normal(generator(6), 5, 7)
    mean, products = ranks.mean(0), ranks @ ranks.T
    wanted = float((products.sum() - products.trace()) / 20)
    assert unbiased_descent_sq(float(mean @ mean), (ranks**2).sum(1)) == pytest.approx(wanted, rel=1e-12)
    assert unbiased_descent_sq(0.0, vector(1, 1)) == -1.0


@pytest.mark.parametrize("ranks", [vector(1), vector(), vector(1, -1), vector(1, math.nan)])
def test_ranks_that_cannot_be(ranks: Tensor) -> None:
    with pytest.raises(InputValueError, match="at least two"):
        unbiased_descent_sq(1.0, ranks)
    with pytest.raises(InputTypeError, match=r"\(R,\)"):
        unbiased_descent_sq(1.0, ranks[None])
    with pytest.raises(InputValueError, match="at least two"):
        unbiased_descent_sq(-1.0, vector(1, 1))


def test_expected_loss_under_noise() -> None:
    """On a bowl the mean over theta + g dt +- sqrt(K dt) sigma_j is the mean over the noise, exactly."""
    rng = generator(7)
    for _ in range(20):
        H, theta, sigma = random_spd(rng, 4), normal(rng, 4), 0.4 * normal(rng, 4, 3)
        y = -H @ theta
        g, dt = 0.5 * y + 0.1 * normal(rng, 4), 1e-6

        def bowl(x: Tensor, H: Tensor = H) -> float:
            return float(x @ H @ x) / 2

        ends = [theta + g * dt + sign * math.sqrt(3 * dt) * column for column in sigma.T for sign in (1, -1)]
        measured = (sum(map(bowl, ends)) / len(ends) - bowl(theta)) / dt
        rate = ito_rate(g, y, sigma, lambda v, H=H: H @ v)
        assert rate == pytest.approx(measured, rel=1e-4, abs=1e-4)
        quiet = ito_rate(g, y, torch.zeros(4, 1), lambda v, H=H: H @ v)
        assert quiet == pytest.approx(-float(g @ y), rel=1e-12)
        assert rate > quiet  # Noise on a convex loss costs.


def test_noise_of_the_wrong_shape() -> None:
    for noise in (torch.ones(2, 2), torch.ones(3)):
        with pytest.raises(InputTypeError, match=r"\(D, K\)"):
            ito_rate(torch.ones(3), torch.ones(3), noise, lambda v: v)
