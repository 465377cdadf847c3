"""Long sums in float32 pieces added up in float64, counts, rows, coordinates, and copies in memory that is kept."""

import pytest
import torch
from torch import nn

from antigrad.core.errors import InputTypeError
from antigrad.geometry.dots import PIECE_ON_CPU, dot, in_pieces
from antigrad.geometry.watch.measure import in_range, measure
from antigrad.geometry.watch.watched import Block, Copies


def test_a_long_sum_keeps_what_float32_loses() -> None:
    long = torch.ones(1 << 24)
    long[:PIECE_ON_CPU] = 2.0**13
    exact = 2**26 * PIECE_ON_CPU + len(long) - PIECE_ON_CPU
    assert float(dot(long, long)) == exact
    naive = torch.zeros(())
    for piece in long.square().split(PIECE_ON_CPU):
        naive = naive + piece.sum()  # What adding the pieces up in float32 gives.
    assert float(naive) == 2**26 * PIECE_ON_CPU


def test_pieces_match_and_sizes_must() -> None:
    left = torch.arange(2 * PIECE_ON_CPU + 5.0)
    pieces = list(in_pieces(left, 2 * left))
    assert [len(piece[0]) for piece in pieces] == [PIECE_ON_CPU, PIECE_ON_CPU, 5]
    assert all(torch.equal(2 * one, two) for one, two in pieces)
    with pytest.raises(InputTypeError, match=r"sizes \[3, 4\]"):
        list(in_pieces(torch.ones(3), torch.ones(4)))


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16, torch.complex64])
@pytest.mark.parametrize("size", [1e-14, 1.0, 1e9])
def test_sums_are_those_of_float64(kind: torch.dtype, size: float) -> None:
    torch.manual_seed(0)
    shape = (400, 501)  # More than one piece.
    old = torch.randn(shape, dtype=kind)
    gradient = (torch.randn(shape) * size).to(kind)
    gradient[0] = 0
    new = old - 1e-2 * torch.randn(shape, dtype=kind)
    new[1] = old[1]
    parameter = nn.Parameter(old)
    sources = {parameter: new - old}, {parameter: gradient}, {parameter: new}
    table = measure([Block("w", "w", parameter)], *sources, counts=True)
    table = in_range(table, *sources)

    def wide(tensor: torch.Tensor) -> torch.Tensor:
        return (torch.view_as_real(tensor) if tensor.is_complex() else tensor).double().flatten()

    step = wide(new - old)
    descent, theta = -wide(gradient), wide(new) - step
    expected = {
        "step_sq": step @ step,
        "descent_sq": descent @ descent,
        "dot": step @ descent,
        "product_sq": (step * descent) @ (step * descent),
        "moved": (step * descent != 0).sum(),
        "live": (descent != 0).sum(),
        "theta_dot_descent": theta @ descent,
        "theta_dot_step": theta @ step,
        "theta_sq": theta @ theta,
    }
    assert list(table.columns) == list(expected)
    sizes = {"dot": step.norm() * descent.norm(), "theta_dot_descent": theta.norm() * descent.norm()}
    sizes["theta_dot_step"] = theta.norm() * step.norm()
    for name, value in expected.items():
        room = 1e-5 * float(sizes.get(name, value))
        assert table.total(name) == pytest.approx(float(value), rel=2e-5, abs=room), name


def test_products_squared_do_not_leave_the_range_of_float32() -> None:
    parameter = nn.Parameter(torch.zeros(1000))
    step, gradient = torch.full((1000,), 1e-9), torch.full((1000,), -1e-15)
    table = measure([Block("w", "w", parameter)], {parameter: step}, {parameter: gradient})
    table = in_range(table, {parameter: step}, {parameter: gradient})
    assert table.total("product_sq") == pytest.approx(1000 * 1e-48, rel=1e-5, abs=0)
    assert float((step * gradient).square().sum()) == 0


@pytest.mark.parametrize(("step", "slope"), [(1e-21, 1e-19), (1e-25, 1e-3), (1e25, 1e21), (1e-3, 1e-30)])
def test_squares_outside_the_range_of_float32_are_those_of_float64(step: float, slope: float) -> None:
    # A gradient of 1e-25 is no zero one, a step of 1e25 no overflow.
    parameter = nn.Parameter(torch.zeros(1000))
    sources = {parameter: torch.full((1000,), step)}, {parameter: torch.full((1000,), -slope)}
    table = in_range(measure([Block("w", "w", parameter)], *sources), *sources)
    expected = [step**2, slope**2, step * slope, (step * slope) ** 2]
    assert table.values[0].tolist() == pytest.approx([1000 * value for value in expected], rel=1e-3, abs=0)


def test_sums_of_what_is_not_finite_or_nothing() -> None:
    parameter = nn.Parameter(torch.zeros(4))
    broken = torch.tensor([1.0, float("nan"), 0.0, 2.0])
    table = measure([Block("w", "w", parameter)], {parameter: broken}, {parameter: broken})
    assert all(not torch.isfinite(table[name]).any() for name in ("step_sq", "dot", "product_sq"))
    still = measure(
        [Block("w", "w", parameter)],
        {parameter: torch.zeros(4)},
        {parameter: torch.ones(4)},
        counts=True,
    )
    assert still.values.tolist() == [[0.0, 4.0, 0.0, 0.0, 0.0, 4.0]]


def test_rows_and_coordinates_of_a_block() -> None:
    parameter = nn.Parameter(torch.zeros(2, 3))
    new = torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
    gradient = torch.tensor([[-1.0, -1.0, 0.0], [0.0, 0.5, -1.0]])
    table = measure(
        [Block("w", "w", parameter)],
        {parameter: new},
        {parameter: gradient},
        rows=True,
        coordinates=True,
    )
    assert table.rows is not None
    assert table.rows.tolist() == [[5.0, 10.0], [2.0, 1.25], [3.0, 3.5]]
    assert table.ratios is not None
    assert table.ratios.tolist() == [[1.0, 3.0]]


def test_copies_take_the_memory_of_the_ones_before() -> None:
    torch.manual_seed(0)
    parameters = [nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(5).double()), nn.Parameter(torch.randn(7))]
    copies = Copies()
    first = copies.of(parameters)
    assert all(torch.equal(first[p], p) and first[p].dtype == p.dtype and first[p].shape == p.shape for p in first)
    places = {tensor.untyped_storage().data_ptr() for tensor in first.values()}
    with torch.no_grad():
        parameters[0].add_(1)
    assert not torch.equal(first[parameters[0]], parameters[0])
    second = copies.of(parameters[:2])
    assert {tensor.untyped_storage().data_ptr() for tensor in second.values()} == places
    assert torch.equal(second[parameters[0]], parameters[0])
