"""Matrix-free preconditioners against dense matrices built from the formulas, and against search."""

import math

import pytest
import torch

from antigrad.geometry.angle import Certificate, kappa_of_angle
from antigrad.geometry.metric import MEMBERS, canonical, canonical_kappa, metric, preconditioner
from helpers.metrics import dense, eye
from helpers.pairs import complement, condition, generator, normal, pair, random_member, random_spd, uniform

OPTIMAL = ("upper", "lower", "arithmetic", "geometric", "psb")


@pytest.mark.parametrize(
    ("member", "diagonal"),
    [
        ("arithmetic", (4 / 3, 3 / 4, 25 / 24)),
        ("upper", (4 / 3, 3 / 4, 4 / 3)),
        ("lower", (4 / 3, 3 / 4, 3 / 4)),
        ("geometric", (4 / 3, 3 / 4, 1.0)),
    ],
)
def test_golden_members(member: str, diagonal: tuple[float, ...]) -> None:
    g, y = torch.tensor([4.0, 3.0, 0.0]), torch.tensor([3.0, 4.0, 0.0])
    P = preconditioner(g, y, member)
    torch.testing.assert_close(
        P.as_matrix(), torch.diag(torch.tensor(diagonal, dtype=torch.float64)), rtol=0, atol=1e-12
    )
    G = metric(g, y, member).as_matrix()
    torch.testing.assert_close(G, torch.diag(1 / torch.tensor(diagonal, dtype=torch.float64)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("member", MEMBERS)
def test_members_are_their_formulas(member: str) -> None:
    rng = generator(1)
    for _ in range(40):
        size = 2 + int(uniform(rng, 0, 11))
        one = pair(rng, size, psi=uniform(rng, 0.02, 1.5))
        P, wanted = preconditioner(one.g, one.y, member), dense(one, member)
        unit = float(wanted.abs().max())
        torch.testing.assert_close(P.as_matrix(), wanted, rtol=0, atol=1e-9 * unit)
        v = normal(rng, size)
        torch.testing.assert_close(P(v), wanted @ v, rtol=0, atol=1e-8 * unit)
        assert P.positive_definite
        assert P.symmetric
        assert float((P(one.y) - one.g).norm()) <= 1e-10 * float(one.g.norm())
        values = torch.linalg.eigvalsh(wanted)
        assert float(values[0]) > 0
        assert P.condition == pytest.approx(float(values[-1] / values[0]), rel=1e-6)
        if member in OPTIMAL:
            assert condition(P.as_matrix()) == pytest.approx(kappa_of_angle(one.psi), rel=1e-5)
            assert P.condition == pytest.approx(kappa_of_angle(one.psi), rel=1e-9)


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("psi", [0.0, 1e-15, 1e-9, 1e-4, math.pi / 2 - 1e-6])
def test_nearly_parallel_and_nearly_orthogonal(member: str, psi: float) -> None:
    one = pair(generator(2), 6, psi=psi, rho=1.7)
    P = preconditioner(one.g, one.y, member)
    assert float((P(one.y) - one.g).norm()) <= 1e-14 * max(P.eigenvalues) * float(one.y.norm())
    assert P.positive_definite
    if member in OPTIMAL:
        assert P.condition == pytest.approx(kappa_of_angle(psi), rel=1e-6)


def test_the_plane_is_unique_and_the_rest_is_between() -> None:
    rng = generator(3)
    for _ in range(30):
        one = pair(rng, 6)
        basis = torch.linalg.qr(torch.stack([one.g, one.y], 1))[0]
        cuts = [basis.T @ preconditioner(one.g, one.y, member).as_matrix() @ basis for member in OPTIMAL]
        for cut in cuts[1:]:
            torch.testing.assert_close(cut, cuts[0], rtol=1e-8, atol=1e-10)
        low, high = Certificate.of(one.g, one.y).eigenvalues
        for member in OPTIMAL:
            assert low * (1 - 1e-9) <= preconditioner(one.g, one.y, member).base <= high * (1 + 1e-9)


def test_one_dimension_and_two() -> None:
    P = preconditioner(torch.tensor([6.0]), torch.tensor([3.0]), "bfgs")
    assert (P.as_matrix().tolist(), P.condition, P.inverse().as_matrix().tolist()) == ([[2.0]], 1.0, [[0.5]])
    one = pair(generator(4), 2, psi=1.0)
    for member in MEMBERS:
        torch.testing.assert_close(preconditioner(one.g, one.y, member).as_matrix(), dense(one, member))


def test_rank_one_members_hold_one_vector() -> None:
    one = pair(generator(5), 9)
    assert [len(preconditioner(one.g, one.y, member).values) for member in ("upper", "lower", "geometric")] == [1, 1, 2]


def test_rank_one_operator_returns_a_float32_step() -> None:
    one = pair(generator(6), 5000, psi=1.2, rho=1e-4)
    g, y = one.g.float(), one.y.float()
    found = preconditioner(g, y)(y)
    assert found.dtype == torch.float32
    assert float((found - g).norm() / g.norm()) < 1e-6


def test_metric_turns_the_step_into_the_gradient() -> None:
    rng = generator(7)
    for member in MEMBERS:
        one = pair(rng, 7)
        torch.testing.assert_close(metric(one.g, one.y, member)(one.g), one.y, rtol=0, atol=1e-8 * float(one.y.norm()))


def test_the_canonical_form_with_an_orthonormal_rest_on_either_side() -> None:
    one = pair(generator(8), 5)
    across_y, across_g = complement(one.y), complement(one.g)
    P = torch.outer(one.g, one.g) / (one.g @ one.y) + across_y @ across_y.T
    G = torch.outer(one.y, one.y) / (one.g @ one.y) + across_g @ across_g.T
    torch.testing.assert_close(preconditioner(one.g, one.y, "bfgs").as_matrix(), P)
    torch.testing.assert_close(metric(one.g, one.y, "dfp").as_matrix(), G)


def test_canonical_family() -> None:
    rng = generator(9)
    for _ in range(60):
        one = pair(rng, 2 + int(uniform(rng, 0, 9)))
        a = float((one.g @ one.g) / (one.g @ one.y))
        alpha = a * math.exp(float(normal(rng)))
        P = canonical(one.g, one.y, alpha)
        wanted = torch.outer(one.g, one.g) / (one.g @ one.y)
        wanted = wanted + alpha * (eye(len(one.g)) - torch.outer(one.y, one.y) / (one.y @ one.y))
        torch.testing.assert_close(P.as_matrix(), wanted, rtol=1e-8, atol=1e-9)
        kappa = canonical_kappa(math.cos(one.psi), a, alpha)
        assert condition(wanted) == pytest.approx(kappa, rel=1e-6)
        assert P.condition == pytest.approx(kappa, rel=1e-9)
        assert kappa >= kappa_of_angle(one.psi) * (1 - 1e-9)
        assert canonical_kappa(math.cos(one.psi), a, a) == pytest.approx(kappa_of_angle(one.psi), rel=1e-9)
        best = canonical(one.g, one.y, a).as_matrix()
        torch.testing.assert_close(best, preconditioner(one.g, one.y, "arithmetic").as_matrix(), rtol=1e-7, atol=1e-9)


def test_canonical_kappa_does_not_cancel() -> None:
    assert canonical_kappa(1e-9, 1.0, 1.0) == pytest.approx(4e18, rel=1e-9)
    assert canonical_kappa(1.0, 1.0, 1.0) == 1.0
    assert canonical_kappa(1.0, 1.0, 3.0) == pytest.approx(3.0, rel=1e-12)


def test_the_family_is_all_there_is() -> None:
    """Any SPD Q is gg^T/(g.y) and a rest that kills y and has rank D - 1, for g = Q y; so is the metric side."""
    rng = generator(10)
    for _ in range(60):
        size = 2 + int(uniform(rng, 0, 9))
        Q, y = random_spd(rng, size), normal(rng, size)
        g = Q @ y
        assert Certificate.of(g, y).effective
        values = torch.linalg.eigvalsh(Q - torch.outer(g, g) / (g @ y))
        assert float(values[0]) > -1e-8 * float(values[-1])
        assert float(values[1]) > 1e-9
        P = random_member(rng, g, y)
        assert float(torch.linalg.eigvalsh(P)[0]) > 0
        torch.testing.assert_close(P @ y, g)
        rest = torch.linalg.inv(P) - torch.outer(y, y) / (y @ g)
        assert float((rest @ g).norm()) < 1e-6 * float(y.norm())


def test_no_spd_matrix_beats_the_least_kappa() -> None:
    rng = generator(11)
    ratios: list[float] = []
    for _ in range(1500):
        one = pair(rng, 2 + int(uniform(rng, 0, 7)))
        ratios.append(condition(random_member(rng, one.g, one.y)) / Certificate.of(one.g, one.y).kappa)
    assert 1 - 1e-7 <= min(ratios) < 1.01


def test_powers_and_roots_of_the_geometric_member() -> None:
    rng = generator(12)
    for _ in range(30):
        one = pair(rng, 5)
        P = preconditioner(one.g, one.y, "geometric")
        tau, (high, low) = math.atanh(math.sin(one.psi)), P.values.tolist()
        assert tau == pytest.approx(0.5 * math.log(kappa_of_angle(one.psi)), rel=1e-9)
        assert (high, low) == pytest.approx((one.rho * math.exp(tau), one.rho * math.exp(-tau)), rel=1e-9)
        assert (math.cosh(tau), math.sinh(tau)) == pytest.approx((1 / math.cos(one.psi), math.tan(one.psi)), rel=1e-9)
        assert float(torch.logdet(P.as_matrix())) == pytest.approx(5 * math.log(one.rho), rel=1e-9, abs=1e-9)
        root = P.sqrt().as_matrix()
        torch.testing.assert_close(root @ root, P.as_matrix())
        torch.testing.assert_close(P.power(0.3).as_matrix() @ P.power(0.7).as_matrix(), P.as_matrix())
        torch.testing.assert_close(P.power(-1).as_matrix(), P.inverse().as_matrix())
        swapped = preconditioner(one.y, one.g, "geometric")
        torch.testing.assert_close(P.inverse().as_matrix(), swapped.as_matrix(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("member", MEMBERS)
def test_inverses(member: str) -> None:
    one = pair(generator(13), 5)
    P = preconditioner(one.g, one.y, member)
    torch.testing.assert_close(P.inverse().as_matrix() @ P.as_matrix(), eye(5), rtol=0, atol=1e-8)
    two = pair(generator(14), 2)
    P = preconditioner(two.g, two.y, member)
    torch.testing.assert_close(P.inverse().as_matrix() @ P.as_matrix(), eye(2), rtol=0, atol=1e-8)


def test_inverse_of_the_arithmetic_member_in_closed_form() -> None:
    one = pair(generator(15), 6, psi=0.9)
    k, s, c = math.cos(0.9), math.sin(0.9), float((one.g @ one.g) / (one.g @ one.y))
    p, q = preconditioner(one.g, one.y, "geometric").vectors
    R, Pi = torch.outer(p, p) - torch.outer(q, q), torch.outer(p, p) + torch.outer(q, q)
    wanted = (eye(6) - s / k**2 * R + s**2 / k**2 * Pi) / c
    torch.testing.assert_close(metric(one.g, one.y, "arithmetic").as_matrix(), wanted)


# Distances to (multiples of) the identity, and who is nearest.
