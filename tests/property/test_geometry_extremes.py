"""Vectors whose squares leave float64: the right answer where there is one, and a clear refusal where there is none."""

import math

import pytest
import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.geometry import Certificate, effects, interaction, ladder, metric, preconditioner, repair
from antigrad.geometry.augmented import static_metric
from antigrad.geometry.blocks import coordinate_bounds
from antigrad.geometry.effects import least_kappa_interaction
from antigrad.geometry.finite import discrete_gradient, overshoot, two_batch_descent_sq
from antigrad.geometry.metric import MEMBERS, householder

STEP = torch.tensor([4.0, 3.0, 0.0], dtype=torch.float64)
DESCENT = torch.tensor([3.0, 4.0, 0.0], dtype=torch.float64)
ALIKE = [(1e200, 1e200), (1e-200, 1e-200), (1e160, 1e200), (1e-200, 1e-160)]
APART = [*ALIKE, (1e200, 1e-200), (1e-200, 1e200)]


def scaled(step: float, descent: float) -> tuple[Tensor, Tensor]:
    """The pair of the specification, at other lengths."""
    return STEP * step, DESCENT * descent


@pytest.mark.parametrize("sizes", ALIKE)
@pytest.mark.parametrize("member", MEMBERS)
def test_preconditioner_and_metric_turn_one_into_the_other(sizes: tuple[float, float], member: str) -> None:
    g, y = scaled(*sizes)
    if member not in ("bfgs", "dfp") or sizes[0] == sizes[1]:  # Those two measure against the identity itself.
        assert ((preconditioner(g, y, member)(y) - g) / g.abs().max()).abs().max() < 1e-12
        assert ((metric(g, y, member)(g) - y) / y.abs().max()).abs().max() < 1e-12
    ratio = sizes[0] / sizes[1]
    assert ((householder(g, y, ratio / 2, 2 * ratio)(y) - g) / g.abs().max()).abs().max() < 1e-12


@pytest.mark.parametrize("sizes", APART)
def test_angles_ladders_and_signs_do_not_depend_on_lengths(sizes: tuple[float, float]) -> None:
    g, y = scaled(*sizes)
    kappa = 16 / 9
    assert coordinate_bounds(g, y).kappa == pytest.approx(kappa)
    assert ladder({"w": g[None]}, {"w": y[None]}) == pytest.approx(
        {"global": kappa, "layer": kappa, "row": kappa, "coordinate": kappa}
    )
    turned = repair(-g, y) / sizes[0]
    assert turned.tolist() == pytest.approx([-1.12, 0.84, 0.0], rel=1e-12)
    assert not overshoot(g, y)
    assert overshoot(-g, y)
    assert static_metric(y[None], g[None]).exists
    assert not static_metric(y[None], -g[None]).exists


def test_static_metric_gives_its_steps_back_at_any_length() -> None:
    matrix = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    descents = torch.eye(2, dtype=torch.float64)
    for size in (1.0, 1e200, 1e-200):
        found = static_metric(descents * size, descents @ matrix * size)
        assert found.preconditioner is not None
        assert (found.preconditioner(descents[0] * size) / size).tolist() == pytest.approx(matrix[0].tolist())


@pytest.mark.parametrize("size", [1e200, 1e-160])
def test_discrete_gradient_tells_the_drop_of_a_step_of_any_length(size: float) -> None:
    step = STEP * size
    found = discrete_gradient(DESCENT, step, drop=1.25 * size)
    assert float(found @ (step / size)) == pytest.approx(1.25)
    assert float(found @ torch.tensor([3.0, -4.0, 0.0], dtype=torch.float64)) == pytest.approx(-7.0)


@pytest.mark.parametrize("sizes", APART)
def test_squares_that_float64_does_not_hold_are_refused_with_the_reason(sizes: tuple[float, float]) -> None:
    g, y = scaled(*sizes)
    for refused in (lambda: Certificate.of(g, y), lambda: two_batch_descent_sq(g, y)):
        with pytest.raises(InputValueError, match=r"outside float64.*divide it by its largest entry"):
            refused()


def test_products_that_overflow_are_refused() -> None:
    g, y = scaled(1e200, 1e200)
    with pytest.raises(InputValueError, match="products of the part 'a' outside float64"):
        effects(g, {"a": y})
    with pytest.raises(InputValueError, match="products of the part 'a' outside float64"):
        interaction({"a": y, "b": g})
    with pytest.raises(InputValueError, match="outside float64"):
        preconditioner(*scaled(1e200, 1e-200))


def test_interaction_from_scalars_does_not_overflow_on_its_way() -> None:
    for size in (1e200, 1e-200):  # |g|² as large as that; y of length 1.
        one = Certificate(size, 1.0, 0.6 * math.sqrt(size))
        root = math.sqrt(size)
        gram, slopes, drops = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.6, 0.8]]).double().split([2, 1, 1])
        found = least_kappa_interaction(gram, slopes[0], drops[0] * root, one)
        assert (found[:, 0] / root).tolist() == pytest.approx([0.6, 0.8])


def test_ordinary_vectors_are_taken_as_they_are() -> None:
    g, y = torch.randn(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    assert Certificate.of(g, y).dot == float(g @ y)
