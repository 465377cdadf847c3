"""The raster: exact on planes, differentiable, defined outside."""

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.scenarios import SignedDistance


def plane(a: float, b: float, c: float, origin: tuple[float, float] = (-5.0, 3.0), cell: float = 0.5) -> SignedDistance:
    x, y = origin[0] + cell * torch.arange(30).double(), origin[1] + cell * torch.arange(20).double()
    values = (a * x[None, :] + b * y[:, None] + c)[None].double()
    return SignedDistance(values, torch.tensor([origin], dtype=torch.float64), torch.tensor([[20, 30]]), cell)


def test_a_plane_is_read_exactly_with_its_gradient() -> None:
    road = plane(0.7, -1.3, 2.0)
    points = torch.tensor([[[-4.9, 3.1], [0.0, 5.0], [8.3, 11.2]]], dtype=torch.float64, requires_grad=True)
    found = road(points)
    torch.testing.assert_close(found, 0.7 * points[..., 0] - 1.3 * points[..., 1] + 2.0, rtol=0, atol=1e-12)
    found.sum().backward()
    assert points.grad is not None
    torch.testing.assert_close(points.grad, torch.tensor([0.7, -1.3], dtype=torch.float64).expand(1, 3, 2))


def test_gradient_against_finite_differences_on_a_rough_raster() -> None:
    torch.manual_seed(0)
    road = SignedDistance(
        torch.randn(2, 9, 7, dtype=torch.float64),
        torch.zeros(2, 2, dtype=torch.float64),
        torch.tensor([[9, 7], [6, 5]]),
        1.3,
    )
    points = (torch.rand(3, 5, 2, dtype=torch.float64) * 14 - 2).requires_grad_()  # some lie outside
    rows = torch.tensor([1, 0, 1])
    assert torch.autograd.gradcheck(lambda p: road(p, rows), points)


def test_outside_the_distance_is_that_of_the_border() -> None:
    road = plane(1.0, 2.0, 0.0)
    outside = torch.tensor(
        [[[100.0, 5.0], [-100.0, 5.0], [0.0, 1e6], [1e6, -1e6]]], dtype=torch.float64, requires_grad=True
    )
    right, left, up = -5 + 0.5 * 29, -5.0, 3 + 0.5 * 19
    found = road(outside)
    assert found.tolist() == [[right + 10.0, left + 10.0, 2 * up, right + 6.0]]
    found.sum().backward()
    assert outside.grad is not None
    assert outside.grad.tolist() == [[[0, 2], [0, 2], [1, 0], [0, 0]]]


def test_crossing_the_border_is_continuous() -> None:
    torch.manual_seed(1)
    road = SignedDistance(torch.randn(1, 6, 6, dtype=torch.float64), torch.zeros(1, 2), torch.tensor([[6, 6]]), 1.0)
    for step in (1e-9, -1e-9):
        edge = torch.tensor([[[5.0 + step, 2.3], [3.1, step]]], dtype=torch.float64)
        torch.testing.assert_close(road(edge), road(edge.clamp(0, 5)), rtol=0, atol=1e-7)


def test_padding_is_never_read() -> None:
    small, large = (
        plane(1.0, 0.0, 0.0),
        SignedDistance(torch.zeros(1, 40, 50), torch.zeros(1, 2), torch.tensor([[40, 50]]), 0.5),
    )
    both = SignedDistance.concat([small, large])
    assert both.values.shape == (2, 40, 50)
    points = torch.tensor([[[99.0, 99.0]], [[1.0, 1.0]]], dtype=torch.float64)
    assert both(points)[0].item() == small(points[:1])[0].item() == 9.5
    assert both.select(torch.tensor([0])).values.shape == (1, 20, 30)
    assert both(points, torch.tensor([1, 0]))[0].item() == 0.0


def test_float32_points_get_float32() -> None:
    assert plane(1.0, 0.0, 0.0)(torch.zeros(1, 2, 2)).dtype == torch.float32


def test_refusals() -> None:
    road = plane(1.0, 0.0, 0.0)
    with pytest.raises(InputValueError, match="2 rows of points, 1 scenes"):
        road(torch.zeros(2, 1, 2))
    with pytest.raises(InputValueError, match="cells"):
        SignedDistance.concat([road, plane(1.0, 0.0, 0.0, cell=1.0)])
    with pytest.raises(InputValueError, match="cell"):
        SignedDistance(torch.zeros(1, 3, 3), torch.zeros(1, 2), torch.tensor([[1, 3]]), 1.0)
