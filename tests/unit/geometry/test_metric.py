"""Matrix-free preconditioners against dense matrices built from the formulas, and against search."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.geometry.angle import Certificate, kappa_of_angle
from antigrad.geometry.blocks import least_high
from antigrad.geometry.metric import MEMBERS, canonical, canonical_kappa, householder, metric, preconditioner, psb
from antigrad.geometry.operators import Operator
from helpers.pairs import Pair, complement, condition, generator, normal, pair, random_member, random_spd, uniform

OPTIMAL = ("upper", "lower", "arithmetic", "geometric", "psb")


def eye(size: int) -> Tensor:
    return torch.eye(size, dtype=torch.float64)


def dense(one: Pair, member: str) -> Tensor:
    """The formulas of the members, written out with outer products."""
    g, y, size = one.g, one.y, len(one.g)
    k, s = math.cos(one.psi), math.sin(one.psi)
    c, up, unit = (g @ g) / (g @ y), torch.outer(g, g) / (g @ y), torch.outer(y, y) / (y @ y)
    high, low = c * (1 + s), c * (1 - s)
    t = (k * g / g.norm() - y / y.norm()) / s
    p, q = y / y.norm() + t, y / y.norm() - t
    R = torch.outer(p, p) / (p @ p) - torch.outer(q, q) / (q @ q)
    V = eye(size) - torch.outer(g, y) / (g @ y)
    q1, p1 = high * y - g, g - low * y
    members: dict[str, Callable[[], Tensor]] = {
        "arithmetic": lambda: c * eye(size) + up - c * unit,
        "upper": lambda: high * eye(size) - (high - low) * torch.outer(q1, q1) / (q1 @ q1),
        "lower": lambda: low * eye(size) + (high - low) * torch.outer(p1, p1) / (p1 @ p1),
        "geometric": lambda: one.rho * torch.linalg.matrix_exp(math.atanh(s) * R),
        "bfgs": lambda: up + eye(size) - unit,
        "dfp": lambda: V @ V.T + up,
        "psb": lambda: dense_psb(one, one.rho * (1 + s * s) / k),
    }
    return members[member]()


def dense_psb(one: Pair, scale: float) -> Tensor:
    y, r = one.y, one.g - scale * one.y
    both = (torch.outer(r, y) + torch.outer(y, r)) / (y @ y)
    return scale * eye(len(y)) + both - (r @ y) * torch.outer(y, y) / (y @ y) ** 2


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


def logdet(P: Tensor) -> Tensor:
    return P.trace() - torch.logdet(P) - len(P)


def reverse_logdet(P: Tensor) -> Tensor:
    return torch.linalg.inv(P).trace() + torch.logdet(P) - len(P)


def relative_two_norm(P: Tensor) -> Tensor:
    values = torch.linalg.eigvalsh(P)
    return (values[-1] - values[0]) / (values[-1] + values[0])


def relative_frobenius(P: Tensor) -> Tensor:
    return (len(P) - P.trace() ** 2 / (P * P).sum()).clamp(min=1e-30).sqrt()


def affine_invariant(P: Tensor) -> Tensor:
    logs = torch.linalg.eigvalsh(P).log()
    return ((logs - logs.mean()) ** 2).sum().sqrt()


def thompson(P: Tensor) -> Tensor:
    """Hilbert's projective metric; Thompson's distance to the ray is half of it."""
    logs = torch.linalg.eigvalsh(P).log()
    return logs[-1] - logs[0]


NEAREST = {
    "bfgs": logdet,
    "dfp": reverse_logdet,
    "arithmetic": relative_two_norm,
    "psb": relative_frobenius,
    "geometric": affine_invariant,
}


def search(rng: torch.Generator, one: Pair, distance: Callable[[Tensor], Tensor], sweeps: int = 4000) -> float:
    """Random local search over the whole family; an upper bound of the least distance, from far starts."""
    N, up = complement(one.y), torch.outer(one.g, one.g) / (one.g @ one.y)
    size = math.sqrt(float((one.g @ one.g) / (one.g @ one.y)))
    place = torch.tril_indices(N.shape[1], N.shape[1])

    def at(x: Tensor) -> float:
        L = torch.zeros(N.shape[1], N.shape[1], dtype=torch.float64)
        L[place[0], place[1]] = x
        return float(distance(up + N @ (L @ L.T + 1e-12 * eye(len(L))) @ N.T))

    x = size * (eye(N.shape[1])[place[0], place[1]] + 0.2 * normal(rng, place.shape[1]))
    best, width = at(x), 0.3 * size
    for _ in range(sweeps):
        tried = x + width * normal(rng, len(x))
        value = at(tried)
        better = math.isfinite(value) and value < best
        x, best = (tried, value) if better else (x, best)
        width *= 1.5 if better else 0.9
        width = max(width, 1e-7 * size)
    return best


@pytest.mark.parametrize("member", NEAREST)
def test_who_is_nearest_to_the_identity(member: str) -> None:
    rng = generator(16)
    distance = NEAREST[member]
    for _ in range(2):
        one = pair(rng, 3, psi=uniform(rng, 0.2, 1.1))
        own = float(distance(preconditioner(one.g, one.y, member).as_matrix()))
        found = min(search(rng, one, distance), search(rng, one, distance))
        assert own <= found + 1e-6
        assert found - own < 1e-3
        others = [float(distance(preconditioner(one.g, one.y, other).as_matrix())) for other in NEAREST]
        assert own <= min(others) + 1e-9


def test_closed_forms_of_the_least_distances() -> None:
    rng = generator(17)
    for _ in range(20):
        one = pair(rng, 4, psi=uniform(rng, 0.2, 1.1))
        s = math.sin(one.psi)
        matrices = {member: preconditioner(one.g, one.y, member).as_matrix() for member in NEAREST}
        found = [
            float(relative_two_norm(matrices["arithmetic"])),
            float(relative_frobenius(matrices["psb"])),
            float(affine_invariant(matrices["geometric"])),
            float(thompson(matrices["geometric"])),
        ]
        wanted = [s, math.sqrt(2 * s * s / (1 + s * s)), math.sqrt(2) * math.atanh(s), 2 * math.atanh(s)]
        assert found == pytest.approx(wanted, rel=1e-6)


def test_nearest_by_slope_in_many_dimensions() -> None:
    """The gradient of each smooth distance over the family vanishes at its member, and not at another's."""
    rng = generator(18)
    for member, other in (("bfgs", "dfp"), ("dfp", "bfgs"), ("psb", "arithmetic")):
        one = pair(rng, 6, psi=0.8)
        N = complement(one.y)

        def slope(name: str, one: Pair = one, N: Tensor = N, member: str = member) -> float:
            A = torch.zeros(5, 5, dtype=torch.float64, requires_grad=True)
            P = preconditioner(one.g, one.y, name).as_matrix()
            value = NEAREST[member](P + N @ (A + A.T) @ N.T)
            return float(torch.autograd.grad(value, A)[0].norm())

        assert slope(member) < 1e-7 < 1e-3 < slope(other)


def test_psb_at_scale_one_is_often_not_positive_definite() -> None:
    rng = generator(19)
    not_spd = 0
    for _ in range(400):
        one = pair(rng, 4)
        P = psb(one.g, one.y, 1.0)
        torch.testing.assert_close(P.as_matrix(), dense_psb(one, 1.0), rtol=1e-9, atol=1e-9)
        step_sq, descent_sq, dot = one.sums
        spd = dot * descent_sq > step_sq * descent_sq - dot * dot
        assert P.positive_definite == spd
        assert (float(torch.linalg.eigvalsh(dense_psb(one, 1.0))[0]) > 1e-12) == spd
        not_spd += not spd
    assert 100 < not_spd < 250


def test_psb_that_is_not_positive_definite_has_an_inverse_but_no_root() -> None:
    P = psb(torch.tensor([1.0, 2.0, 0.0]), torch.tensor([1.0, 0.0, 0.0]), 1.0)
    torch.testing.assert_close(P.inverse().as_matrix() @ P.as_matrix(), eye(3), rtol=0, atol=1e-12)
    assert not P.inverse().positive_definite
    with pytest.raises(InputValueError, match="use inverse"):
        P.sqrt()


def test_householder_keeps_its_range() -> None:
    rng = generator(20)
    for _ in range(100):
        one = pair(rng, 2 + int(uniform(rng, 0, 6)))
        low = one.rho * math.cos(one.psi) * uniform(rng, 0.05, 0.95)
        high = least_high(one.rho, one.psi, low)
        P = householder(one.g, one.y, low, high * (1 + 1e-9))
        assert float((P(one.y) - one.g).norm()) < 1e-6 * float(one.g.norm())
        assert P.eigenvalues == pytest.approx((high, low), rel=1e-6)
        middle, half = (high + low) / 2, (high - low) / 2
        w = one.y / one.y.norm() - (one.g - middle * one.y) / (half * one.y.norm())
        wanted = middle * eye(len(w)) + half * (eye(len(w)) - 2 * torch.outer(w, w) / (w @ w))
        torch.testing.assert_close(P.as_matrix(), wanted, rtol=1e-6, atol=1e-7 * high)
        wide = householder(one.g, one.y, low, 3 * high)
        assert max(wide.eigenvalues) <= 3 * high
        with pytest.raises(InputValueError, match="least_high"):
            householder(one.g, one.y, low, high * (1 - 1e-6))


def test_householder_of_a_multiple() -> None:
    P = householder(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.0]), 1.0, 3.0)
    assert (P.eigenvalues, P(torch.tensor([0.0, 1.0])).tolist()) == ((2.0,), [0.0, 2.0])
    with pytest.raises(InputValueError, match="least_high"):
        householder(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.0]), 2.5, 3.0)


@pytest.mark.parametrize(
    "build", [preconditioner, metric, lambda g, y: canonical(g, y, 1.0), lambda g, y: psb(g, y, 1.0)]
)
def test_steps_without_a_matrix(build: Callable[[Tensor, Tensor], Operator]) -> None:
    one = torch.tensor([1.0, 0.0])
    for step in (-one, torch.tensor([0.0, 1.0]), torch.zeros(2)):
        with pytest.raises(InputValueError, match="no SPD matrix"):
            build(step, one)
    with pytest.raises(InputValueError, match="no SPD matrix"):
        build(one, torch.zeros(2))
    with pytest.raises(InputTypeError, match="flatten"):
        build(one[None], one[None])
    with pytest.raises(InputTypeError, match="one shape"):
        build(one, torch.ones(3))


def test_options_that_cannot_be() -> None:
    one = torch.tensor([1.0, 0.5])
    with pytest.raises(InputValueError, match="did you mean 'upper'"):
        preconditioner(one, one, "uper")
    for alpha in (0.0, -1.0, math.inf):
        with pytest.raises(InputValueError, match="positive number"):
            canonical(one, one, alpha)
        with pytest.raises(InputValueError, match="positive number"):
            psb(one, one, alpha)
    for values in ((0.0, 1.0, 1.0), (1.1, 1.0, 1.0), (0.5, -1.0, 1.0), (0.5, 1.0, 0.0)):
        with pytest.raises(InputValueError, match="no SPD matrix"):
            canonical_kappa(*values)


def rows(*values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, rows([1.0, 0.0]), rows([1.0])), "one row a direction"),
        ((1.0, torch.eye(3).double(), torch.ones(3).double()), "one row a direction"),
        ((1.0, rows([1.0], [0.0]), torch.ones(2).double()), "one row a direction"),
        ((1.0, rows([1.0, 0.0]).float(), torch.ones(1).double()), "float64"),
        ((1.0, rows([1.0, 1.0]), torch.ones(1).double()), "orthonormal"),
        ((1.0, rows([1.0, 0.0], [1.0, 0.0]), torch.ones(2).double()), "orthonormal"),
        ((math.inf, rows([1.0, 0.0]), torch.ones(1).double()), "finite"),
        ((1.0, rows([1.0, 0.0]), -torch.ones(1).double()), "all positive"),
        ((-1.0, rows([1.0, 0.0]), torch.ones(1).double()), "all positive"),
    ],
)
def test_operators_that_cannot_be(arguments: Any, message: str) -> None:
    with pytest.raises((InputValueError, InputTypeError), match=message):
        Operator(*arguments)


def test_operator_by_itself() -> None:
    P = Operator(2.0, rows([0.6, 0.8, 0.0]), torch.tensor([5.0]).double())
    wanted = 2 * eye(3) + 3 * torch.outer(P.vectors[0], P.vectors[0])
    torch.testing.assert_close(P.as_matrix(), wanted)
    assert (P.eigenvalues, P.condition) == ((2.0, 5.0), 2.5)
    v = torch.tensor([1.0, -1.0, 2.0])
    torch.testing.assert_close(P.apply(v), (wanted @ v.double()).float())
    with pytest.raises(InputTypeError, match=r"\(3,\)"):
        P(torch.ones(2))
    with pytest.raises(InputValueError, match="D = 65"):
        preconditioner(torch.ones(65), torch.arange(1.0, 66.0)).as_matrix()
    singular = Operator(0.0, rows([0.6, 0.8, 0.0]), torch.tensor([5.0]).double(), positive_definite=False)
    assert singular.condition == math.inf
    with pytest.raises(InputValueError, match="singular"):
        singular.inverse()
