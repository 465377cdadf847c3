"""The signed gap: values by hand, a dense boundary as oracle, invariances, gradients."""

import math

import pytest
import torch
from torch import Tensor

from antigrad.scenarios.gap import Box, corner_edge, corners, gap, separation
from helpers.traffic import oracle

F64 = {"dtype": torch.float64}


def box(
    x: float | Tensor, y: float | Tensor, yaw: float | Tensor, length: float | Tensor, width: float | Tensor
) -> Box:
    x, y, yaw, length, width = (torch.as_tensor(value, **F64) for value in (x, y, yaw, length, width))
    return Box(x, y, yaw.cos(), yaw.sin(), length / 2, width / 2)


CAR = box(0, 0, 0, 4.5, 2.0)


@pytest.mark.parametrize(
    ("other", "value"),
    [
        ((0, 3.5, 0, 4.5, 2.0), 1.5),
        ((5, 0, 0, 4.5, 2.0), 0.5),
        ((3, 0, 0, 4.5, 2.0), -1.5),
        ((6, 4, math.radians(45), 4.5, 2.0), 2.522971),
        ((7, 1, math.radians(30), 4.5, 2.0), 2.301443),
        ((0.3, 0, math.radians(90), 12.0, 1.0), -2.45),  # crossing, no corner inside: corners alone say +1.45
        ((4.5, 0, 0, 4.5, 2.0), 0.0),
        ((0, 0, 0, 4.5, 2.0), -2.0),  # equal boxes: corners alone say 0
    ],
)
def test_values(other: tuple[float, ...], value: float) -> None:
    assert float(gap(CAR, box(*other))) == pytest.approx(value, abs=1e-6)
    assert float(gap(box(*other), CAR)) == pytest.approx(value, abs=1e-6)


def many(count: int = 4000) -> tuple[Box, Box]:
    torch.manual_seed(0)

    def normal(scale: float) -> Tensor:
        return scale * torch.randn(count, **F64)

    one = box(normal(3), normal(3), normal(3), 2 + 4 * torch.rand(count, **F64), 1 + 1.5 * torch.rand(count, **F64))
    two = box(normal(3), normal(3), normal(3), 2 + 10 * torch.rand(count, **F64), 0.5 + 2 * torch.rand(count, **F64))
    return one, two


def test_a_dense_boundary_is_never_nearer() -> None:
    one, two = many()
    edge = torch.linspace(-1, 1, 81, **F64)
    ones = torch.ones_like(edge)
    ring = torch.cat([torch.stack(pair, -1) for pair in [(edge, ones), (edge, -ones), (ones, edge), (-ones, edge)]])
    x, y, cos, sin, length, width = one.map(lambda value: value[:, None])
    px, py = (
        x + cos * ring[:, 0] * length - sin * ring[:, 1] * width,
        y + sin * ring[:, 0] * length + cos * ring[:, 1] * width,
    )
    x, y, cos, sin, length, width = two.map(lambda value: value[:, None])
    along, across = cos * (px - x) + sin * (py - y), cos * (py - y) - sin * (px - x)
    dense = torch.hypot((along.abs() - length).clamp(min=0), (across.abs() - width).clamp(min=0)).amin(-1)
    apart = separation(one, two) > 0
    found = gap(one, two)
    assert float((found - dense)[apart].max()) < 1e-12
    assert float((dense - found)[apart].max()) < 0.15  # half the spacing of the dense boundary at most
    assert bool((separation(one, two) <= found + 1e-12)[apart].all())
    assert bool((found[~apart] <= 0).all())


def test_equals_the_reference() -> None:
    reference = oracle("box_gap")
    one, two = many()
    assert float((gap(one, two) - reference.gap(tuple(one), tuple(two))).abs().max()) < 1e-12
    overlapping = separation(one, two) <= 0
    wrong = overlapping & (reference.corner_gap(tuple(one), tuple(two)) > 0)
    assert int(wrong.sum()) > 100  # crossing pairs that corners alone call apart


def test_symmetry_and_rigid_motion() -> None:
    one, two = many()
    assert float((gap(one, two) - gap(two, one)).abs().max()) < 1e-14
    turn, cos, sin = 0.7, math.cos(0.7), math.sin(0.7)
    assert turn > 0

    def moved(b: Box) -> Box:
        return Box(
            cos * b.x - sin * b.y + 5,
            sin * b.x + cos * b.y - 3,
            b.cos * cos - b.sin * sin,
            b.sin * cos + b.cos * sin,
            *b[4:],
        )

    assert float((gap(moved(one), moved(two)) - gap(one, two)).abs().max()) < 1e-13


@pytest.mark.parametrize("place", [(0.0, 0.0, 0.1), (4.0, 0.5, 0.1)], ids=["apart", "overlapping"])
def test_gradcheck(place: tuple[float, float, float]) -> None:
    other = box(7, 1, math.radians(30), 4.5, 2.0)
    pose = [torch.tensor(value, **F64, requires_grad=True) for value in place]
    assert torch.autograd.gradcheck(lambda x, y, yaw: gap(box(x, y, yaw, 4.5, 2.0), other), pose)


def test_touching_boxes_have_a_finite_gradient() -> None:
    x = torch.zeros((), **F64, requires_grad=True)
    (grad,) = torch.autograd.grad(gap(box(x, 0, 0, 4.5, 2.0), box(4.5, 0, 0, 4.5, 2.0)), x)
    assert float(grad) == -1.0


def test_corner_edge_is_one_way_and_unsigned() -> None:
    inside = box(0, 0, 0, 1.0, 0.5)
    assert float(corner_edge(inside, CAR)) == pytest.approx(0.75)
    assert float(corner_edge(CAR, inside)) == pytest.approx(math.hypot(1.75, 0.75))


def test_corners() -> None:
    found = corners(box(1, 2, math.pi / 2, 4, 2))
    assert sorted(tuple(round(value, 9) for value in corner) for corner in found.tolist()) == [
        (0, 0),
        (0, 4),
        (2, 0),
        (2, 4),
    ]
