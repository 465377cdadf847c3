"""Metrics of a step: nearest to the identity in six distances, families, and many rows at once."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.geometry.blocks import least_high
from antigrad.geometry.metric import canonical, canonical_kappa, householder, metric, preconditioner, psb
from antigrad.geometry.operators import Operator
from helpers.metrics import dense_psb, eye
from helpers.pairs import Pair, complement, generator, normal, pair, uniform


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
