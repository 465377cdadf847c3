"""Invariants of certificates, blocks, preconditioners and windows over random and extreme vectors."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from antigrad.geometry.angle import Certificate, kappa_of_angle, repair, sign_flip_z
from antigrad.geometry.blocks import block_bounds, coordinate_bounds, ladder, within
from antigrad.geometry.effects import effects, interaction, least_kappa_interaction, safe_window
from antigrad.geometry.finite import discrete_certificate, discrete_gradient
from antigrad.geometry.metric import MEMBERS, metric, preconditioner
from helpers.pairs import Pair, condition, generator, loss, normal, pair, quartic, random_member, slope

SEEDS = st.integers(0, 2**31)
ENTRIES = st.floats(-1e3, 1e3, allow_nan=False)
SIZES = st.floats(1e-3, 1e3)


@st.composite
def vectors(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """A step and a negative gradient, zeros and repeated entries included, neither tiny."""
    size = draw(st.integers(2, 8))
    g, y = (torch.tensor(draw(st.lists(ENTRIES, min_size=size, max_size=size)), dtype=torch.float64) for _ in range(2))
    assume(float(g.norm()) > 1e-3 and float(y.norm()) > 1e-3)
    return g, y


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """From straight ahead to nearly a right angle, over six decades of length."""
    psi = draw(st.sampled_from([0.0, 1e-9, 1e-3, 0.5, 1.2, 1.56]) | st.floats(0.02, 1.5))
    return pair(generator(draw(SEEDS)), draw(st.integers(2, 10)), psi, 10 ** draw(st.floats(-3, 3)))


BLOCKS = st.lists(st.tuples(st.floats(0.05, 1.5), st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=6)


def sums(blocks: list[tuple[float, float, float]]) -> list[Tensor]:
    """Squares and dots of blocks given by angle, log relative length and log length."""
    psi, rho, size = torch.tensor(blocks, dtype=torch.float64).T
    step_sq, descent_sq = (2 * (rho + size)).exp(), (2 * size).exp()
    return [step_sq, descent_sq, (step_sq * descent_sq).sqrt() * psi.cos()]


@settings(max_examples=300)
@given(vectors(), st.sampled_from(MEMBERS))
def test_every_member_gives_the_step_back_and_is_spd(given_: tuple[Tensor, Tensor], member: str) -> None:
    g, y = given_
    one = Certificate.of(g, y)
    assume(one.cos >= 1e-6)
    P = preconditioner(g, y, member)
    assert min(P.eigenvalues) > 0
    assert float((P(y) - g).norm()) <= 1e-14 * max(P.eigenvalues) * float(y.norm()) + 1e-12 * float(g.norm())
    if member not in ("bfgs", "dfp"):
        assert P.condition <= one.kappa * (1 + 1e-4) + 1e-6
    back = metric(g, y, member)
    assert float((back(g) - y).norm()) <= 1e-13 * max(back.eigenvalues) * float(g.norm()) + 1e-12 * float(y.norm())


@settings(max_examples=300)
@given(vectors(), SIZES, SIZES)
def test_kappa_is_scale_free_and_symmetric(given_: tuple[Tensor, Tensor], a: float, b: float) -> None:
    g, y = given_
    one, scaled, swapped = Certificate.of(g, y), Certificate.of(a * g, b * y), Certificate.of(y, g)
    assert scaled.cos == pytest.approx(one.cos, abs=1e-9)
    assert swapped.cos == pytest.approx(one.cos, abs=1e-12)
    assert Certificate.of(-g, y).cos == pytest.approx(-one.cos, abs=1e-12)
    if abs(one.cos) > 1e-9:
        assert one.effective == scaled.effective == (not Certificate.of(-g, y).effective)
    if one.cos > 1e-3:
        # An angle below 1e-4 is not resolved by its cosine: kappa is then 1 up to 4e-8, the root of rounding.
        rel = 1e-9 if one.sin > 1e-4 else 1e-7
        assert scaled.kappa == pytest.approx(one.kappa, rel=rel)
        assert swapped.kappa == pytest.approx(one.kappa, rel=rel)
        assert scaled.rho == pytest.approx(one.rho * a / b, rel=1e-9)
        assert swapped.scale * one.scale == pytest.approx(1 / one.cos**2, rel=1e-9)


@settings(max_examples=200)
@given(SEEDS, st.integers(2, 8))
def test_no_spd_matrix_beats_kappa(seed: int, size: int) -> None:
    rng = generator(seed)
    B, y = normal(rng, size, size), normal(rng, size)
    P = B @ B.T + 1e-3 * torch.eye(size, dtype=torch.float64)
    one = Certificate.of(P @ y, y)
    assert one.effective
    assert one.kappa <= condition(P) * (1 + 1e-6)
    kappa = condition(P)
    assert one.cos**2 >= 4 * kappa / (1 + kappa) ** 2 - 1e-9  # Kantorovich


@given(pairs())
def test_angle_of_a_certificate(one: Pair) -> None:
    found = Certificate.of(one.g, one.y)
    assert found.psi == pytest.approx(one.psi, abs=1e-7)
    assert found.rho == pytest.approx(one.rho, rel=1e-9)
    low, high = found.eigenvalues
    assert high / low == pytest.approx(found.kappa, rel=1e-9)
    assert low * high == pytest.approx(found.rho**2, rel=1e-9)
    assert kappa_of_angle(found.psi) == pytest.approx(found.kappa, rel=1e-6)


@given(pairs(), st.floats(0, math.pi / 2))
def test_repair_is_idempotent_and_moves_no_further_than_needed(one: Pair, limit: float) -> None:
    turned = repair(one.g - 2 * one.y, one.y, limit)
    again = repair(turned, one.y, limit)
    torch.testing.assert_close(again, turned, rtol=0, atol=1e-7 * float(one.g.norm() + one.y.norm()))
    assert float(turned @ one.y) >= -1e-9 * float(one.y @ one.y)
    wider = repair(one.g - 2 * one.y, one.y, math.pi / 2)
    start = one.g - 2 * one.y
    assert float((wider - start).norm()) <= float((turned - start).norm()) + 1e-9 * float(start.norm())


@given(vectors())
def test_z_changes_sign_with_the_step(given_: tuple[Tensor, Tensor]) -> None:
    g, y = given_
    products = g * y
    z = sign_flip_z(float(g @ y), float(products @ products))
    assert sign_flip_z(float(-g @ y), float(products @ products)) == -z
    assert abs(z) <= math.sqrt(len(g)) * (1 + 1e-9)


@settings(max_examples=200)
@given(BLOCKS)
def test_merging_blocks_never_raises_kappa(blocks: list[tuple[float, float, float]]) -> None:
    columns = sums(blocks)
    fine = block_bounds(*columns)
    merged = Certificate(*(float(column.sum()) for column in columns)).kappa
    alone = [Certificate(*one).kappa for one in zip(*(column.tolist() for column in columns), strict=True)]
    assert merged <= fine.kappa * (1 + 1e-6)
    assert fine.kappa >= max(alone) * (1 - 1e-9)
    assert bool(within(*columns, fine.low * (1 - 1e-6), fine.high * (1 + 1e-6)).all())
    if fine.kappa > 1 + 1e-3:  # And no range that is smaller will do, wherever it lies.
        narrow = 1 - 1e-4
        for place in (0.9, 0.999, 1.0, 1.001, 1.1):
            assert not bool(within(*columns, fine.low * place, fine.low * place * fine.kappa * narrow).all())


@given(BLOCKS, SIZES, SIZES)
def test_blocks_are_scale_free_and_have_no_order(blocks: list[tuple[float, float, float]], a: float, b: float) -> None:
    g, y, d = sums(blocks)
    one, scaled = block_bounds(g, y, d), block_bounds(a * a * g, b * b * y, a * b * d)
    assert scaled.kappa == pytest.approx(one.kappa, rel=1e-7)
    assert (scaled.low, scaled.high) == pytest.approx((one.low * a / b, one.high * a / b), rel=1e-4)
    assert block_bounds(g.flip(0), y.flip(0), d.flip(0)).kappa == pytest.approx(one.kappa, rel=1e-12)
    swapped = block_bounds(y, g, d)
    assert swapped.kappa == pytest.approx(one.kappa, rel=1e-7)
    assert block_bounds(g, y, -d).kappa == math.inf


@given(SEEDS, st.integers(1, 5), st.integers(1, 5), st.floats(0, 2))
def test_the_ladder_rises(seed: int, rows: int, columns: int, spread: float) -> None:
    rng = generator(seed)
    descents = {name: normal(rng, rows, columns) for name in ("first", "second")}
    steps = {name: y * torch.exp(spread * normal(rng, rows, columns)) for name, y in descents.items()}
    kappas = list(ladder(steps, descents).values())
    assert all(low <= high * (1 + 1e-6) for low, high in pairwise(kappas))
    flat = [torch.cat([tensor.flatten() for tensor in tensors.values()]) for tensors in (steps, descents)]
    assert kappas[-1] == pytest.approx(coordinate_bounds(*flat).kappa, rel=1e-12)
    ones = [(a * b) for a, b in ((flat[0], flat[0]), (flat[1], flat[1]), (flat[0], flat[1]))]
    assert block_bounds(*ones).kappa == pytest.approx(kappas[-1], rel=1e-5)


@settings(max_examples=100)
@given(SEEDS, st.integers(2, 8))
def test_what_a_range_of_eigenvalues_buys(seed: int, size: int) -> None:
    """The best step along g on a smooth bowl drops at least |y|^2 cos^2 / 2l; g.y and |g| are within [m, M]."""
    rng = generator(seed)
    B, y = normal(rng, size, size), normal(rng, size)
    H = B @ B.T + 0.01 * torch.eye(size, dtype=torch.float64)
    theta = -torch.linalg.solve(H, y)
    one = pair(rng, size)
    P = random_member(rng, one.g, one.y)
    g, values = P @ y, torch.linalg.eigvalsh(P)
    found, smooth = Certificate.of(g, y), float(torch.linalg.eigvalsh(H)[-1])
    moved = theta + found.dot / (smooth * found.step_sq) * g
    drop = float(theta @ H @ theta - moved @ H @ moved) / 2
    size_of = max(1.0, float(theta @ H @ theta))
    assert drop >= found.descent_sq * found.cos**2 / (2 * smooth) - 1e-9 * size_of
    assert found.dot >= float(values[0]) * found.descent_sq * (1 - 1e-9)
    assert found.rho <= float(values[-1]) * (1 + 1e-9)
    assert bool(
        within(
            *torch.tensor([[v] for v in one.sums]).double(), float(values[0]) * 0.999999, float(values[-1]) * 1.000001
        )
    )


@given(SEEDS, st.integers(2, 8))
def test_windows_of_one_matrix(seed: int, size: int) -> None:
    rng = generator(seed)
    one = pair(rng, size)
    up, down = normal(rng, size), normal(rng, size)
    P = preconditioner(one.g, one.y)
    K = interaction({"up": up, "down": down}, P)
    window = safe_window(float(K[0, 0]), float(K[0, 1]), float(K[1, 1]))
    assume(window.low < 0.999 * window.high)
    assert window.contains(window.balanced)
    found = effects(P(up + window.balanced * down), {"up": up, "down": down})
    assert min(found.values()) > -1e-9 * float(K.diag().max())
    if K[0, 1] < 0:
        assert effects(P(up + 1.01 * window.high * down), {"up": up})["up"] < 0
        assert effects(P(up + 0.99 * window.low * down), {"down": down})["down"] < 0
        assert window.low * window.high == pytest.approx(window.balanced**2, rel=1e-9)


@given(pairs(), SEEDS, st.integers(1, 4))
def test_interactions_from_scalars_add_up_to_effects(one: Pair, seed: int, count: int) -> None:
    rng = generator(seed)
    Y = normal(rng, count, len(one.y))
    Y[0] += one.y - Y.sum(0)
    assert float((Y.sum(0) - one.y).norm()) < 1e-9 * float(one.y.norm() + Y.norm())
    K = least_kappa_interaction(Y @ Y.T, Y @ one.y, Y @ one.g, Certificate.of(one.g, one.y))
    size = float(K.abs().max())
    torch.testing.assert_close(K, K.T, rtol=0, atol=1e-12 * size)
    torch.testing.assert_close(K.sum(1), Y @ one.g, rtol=0, atol=1e-7 * size)
    torch.testing.assert_close(
        K, Y @ torch.stack([preconditioner(one.g, one.y)(row) for row in Y]).T, rtol=0, atol=1e-6 * size
    )
    assert float(torch.linalg.eigvalsh(K)[0]) > -1e-9 * size


@given(SEEDS, st.integers(1, 6), st.floats(0.01, 3))
def test_a_finite_step_is_effective_exactly_when_the_loss_falls(seed: int, size: int, length: float) -> None:
    rng = generator(seed)
    coefficients, theta, delta = quartic(rng, size), normal(rng, size), length * normal(rng, size)
    y = -slope(coefficients, theta)
    drop = loss(coefficients, theta) - loss(coefficients, theta + delta)
    assume(abs(drop) > 1e-9)
    one = discrete_certificate(float(delta @ delta), float(y @ y), float(delta @ y), drop)
    assert one.effective == (drop > 0)
    direct = discrete_gradient(y, delta, drop)
    assert float(direct @ delta) == pytest.approx(drop, rel=1e-6, abs=1e-9)
    assert one.descent_sq == pytest.approx(float(direct @ direct), rel=1e-6, abs=1e-9)


@given(SEEDS, st.integers(2, 40), st.integers(1, 7))
def test_sums_over_shards_are_the_sums_of_the_whole(seed: int, size: int, shard: int) -> None:
    rng = generator(seed)
    g, y = normal(rng, size).float(), normal(rng, size).float()
    parts = [Certificate.of(a, b) for a, b in zip(g.split(shard), y.split(shard), strict=True)]
    whole = Certificate.of(g, y)
    assert sum(part.dot for part in parts) == pytest.approx(whole.dot, rel=1e-6, abs=1e-9)
    assert sum(part.step_sq for part in parts) == pytest.approx(whole.step_sq, rel=1e-6)
    assert sum(part.descent_sq for part in parts) == pytest.approx(whole.descent_sq, rel=1e-6)


@given(SEEDS, st.sampled_from([(64, 32), (8, 8), (3, 50)]))
def test_cosines_of_sign_and_of_orthogonalised_steps(seed: int, shape: tuple[int, int]) -> None:
    Y = normal(generator(seed), *shape)
    U, S, Vh = torch.linalg.svd(Y, full_matrices=False)
    sign = float(Y.abs().sum() / (math.sqrt(Y.numel()) * Y.norm()))
    muon = float(S.sum() / (math.sqrt(len(S)) * Y.norm()))
    assert Certificate.of(Y.sign(), Y).cos == pytest.approx(sign, rel=1e-9)
    assert Certificate.of(U @ Vh, Y).cos == pytest.approx(muon, rel=1e-9)


def test_published_sizes_of_those_cosines() -> None:
    Y = normal(generator(0), 64, 32)
    U, _, Vh = torch.linalg.svd(Y, full_matrices=False)
    sign, muon = Certificate.of(Y.sign(), Y), Certificate.of(U @ Vh, Y)
    assert (sign.cos, muon.cos) == pytest.approx((0.80, 0.94), abs=0.01)
    assert (sign.kappa, muon.kappa) == pytest.approx((4.0, 2.1), abs=0.15)
    spectrum = torch.exp(-torch.arange(32, dtype=torch.float64) / 3)
    steep = Certificate.of(torch.ones(32, dtype=torch.float64), spectrum)
    assert (steep.cos, steep.kappa) == (pytest.approx(0.435, abs=5e-4), pytest.approx(19.1, abs=0.05))
    own = coordinate_bounds(1 / spectrum, torch.ones(32, dtype=torch.float64))
    assert own.kappa == pytest.approx(30_740, rel=1e-3)
