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


def bumps(count: int = 3) -> SignedDistance:
    torch.manual_seed(0)
    values = torch.randn(count, 12, 9, dtype=torch.float64)
    extent = torch.tensor([[12, 9], [8, 9], [12, 5]])[:count]
    return SignedDistance(values, torch.tensor([[-3.3, 2.2], [0.0, 0.0], [5.1, -4.0]]).double()[:count], extent, 0.8)


def test_beyond_a_limit_is_what_interpolation_says() -> None:
    """Also outside the raster, for limits inside the range of values; and where nothing is."""
    road = bumps()
    rows = torch.tensor([2, 0, 1, 1])
    points = 14 * torch.rand(4, 500, 2, dtype=torch.float64) - 5
    for limit in (-1.0, 0.0, 0.7, 9.0):
        found = road.beyond(points, rows, torch.tensor(limit, dtype=torch.float64))
        torch.testing.assert_close(found, road(points, rows) > limit)
    each = torch.randn(4, 500, dtype=torch.float64)
    torch.testing.assert_close(road.beyond(points, rows, each), road(points, rows) > each)


def test_values_are_the_same_with_and_without_a_gradient() -> None:
    road, points = bumps(), 14 * torch.rand(3, 200, 2, dtype=torch.float64) - 5
    leaf = points.clone().requires_grad_()
    torch.testing.assert_close(road(leaf).detach(), road(points), atol=0, rtol=0)


def test_points_of_a_grid_off_the_road_are_those_of_the_raster() -> None:
    """Windows around points inside, at the border and far outside, on grids finer and coarser than the raster."""
    road = bumps()
    scene = torch.randint(3, (60,))
    points = 20 * torch.rand(60, 2, dtype=torch.float64) - 8
    points[:5] += 200.0
    for cell, reach in ((0.4, 2.0), (1.0, 2.0), (0.8, 1.6)):
        off, x, y = road.off_cells(cell).around(points, scene, reach)
        assert off.shape == (60, len(x[0]), len(x[0]))
        assert float((x - points[:, :1]).abs().amax()) <= reach + cell / 2 + 1e-9
        place = torch.stack(torch.broadcast_tensors(x[:, None], y[..., None]), -1)
        value = road(place, scene)
        known = value.abs() > 1e-9
        torch.testing.assert_close(off.bool()[known], (value > 0)[known])
    assert road.off_cells(0.4) is road.off_cells(0.4)
