"""Taking the sums of a step: one pass over the parameters, few operations, nothing lost to the range of float32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.geometry.dots import in_pieces
from antigrad.geometry.watch.table import CORE, COUNTS, DECAY, SIGNS, Table
from antigrad.geometry.watch.watched import Block

OF_STEP = ("step_sq", "theta_dot_step", "theta_sq")
"""Sums that are of the step alone, whatever the gradient."""
_SMALLEST = {"step_sq": 1e-30, "descent_sq": 1e-30, "product_sq": 1e-32}
"""Sums of squares below which float32 may have lost some of their terms."""


def measure(
    blocks: Sequence[Block],
    moves: Mapping[nn.Parameter, Tensor],
    gradient: Mapping[nn.Parameter, Tensor],
    theta: Mapping[nn.Parameter, Tensor] | None = None,
    *,
    counts: bool = False,
    signs: bool = True,
    rows: bool = False,
    coordinates: bool = False,
    known: Table | None = None,
) -> Table:
    """Take the sums of one step against one gradient.

    Args:
        blocks: What to sum over.
        moves: g, the parameters after the step minus before it.
        gradient: ∇L; its negative is y.
        theta: The parameters after the step, to take the sums with θ too; None without.
        counts: Count the weights that moved.
        signs: Take the sum of squared products too.
        rows: Keep the sums of every row of a matrix.
        coordinates: Keep the range of g/y.
        known: Sums of the same step and blocks with another gradient: what is of the step alone is taken from there.

    Returns:
        The table, on the device of the parameters: nothing is read by the host.
    """
    taken = () if known is None else [name for name in OF_STEP if name in known.columns]
    asked = CORE + (SIGNS if signs else ()) + (COUNTS if counts else ()) + (DECAY if theta is not None else ())
    columns = [name for name in asked if name not in taken]
    cut: list[list[Tensor]] = []
    for block in blocks:
        own = block.parameter
        here = [moves[own], gradient[own]] if theta is None else [moves[own], gradient[own], theta[own]]
        cut.append(here if block.cut is None else [block.of(tensor) for tensor in here])
    values = _stacked([[_piece(piece, columns) for piece in in_pieces(*tensors)] for tensors in cut], columns, blocks)
    if known is not None and taken:
        values = torch.cat([values, torch.stack([known[name] for name in taken], 1).to(values)], 1)
    columns += taken
    if theta is not None:
        _of_start(values, columns, known=bool(taken))
    row_sums = [_row_sums(*tensors[:2]) for tensors in cut] if rows else []
    ratios = [_ratios(*tensors[:2]) for tensors in cut] if coordinates else []
    return Table(
        blocks,
        columns,
        values,
        torch.cat(row_sums, 1) if rows else None,
        torch.stack(ratios) if coordinates else None,
    )


def _piece(tensors: Sequence[Tensor], columns: Sequence[str]) -> list[Tensor]:
    step, slope = tensors[0], tensors[1]
    product = step * slope if "product_sq" in columns or "moved" in columns else step
    found = [torch.dot(step, step)] if "step_sq" in columns else []
    found += [torch.dot(slope, slope), torch.dot(step, slope)]
    if "product_sq" in columns:
        found.append(torch.dot(product, product))
    if "moved" in columns:
        # A piece is short enough for its counts to be exact in float32.
        found += [torch.count_nonzero(product).to(step.dtype), torch.count_nonzero(slope).to(step.dtype)]
    if "theta_dot_descent" in columns:
        theta = tensors[2]
        found.append(torch.dot(theta, slope))
        if "theta_sq" in columns:
            found += [torch.dot(theta, step), torch.dot(theta, theta)]
    return found


def _stacked(sums: Sequence[list[list[Tensor]]], columns: Sequence[str], blocks: Sequence[Block]) -> Tensor:
    """Put the sums of all pieces into one table, with a handful of operations.

    Args:
        sums: Of each block, of each of its pieces.
        columns: Their names.
        blocks: The blocks.

    Returns:
        (L, C) float64.
    """
    width = len(columns)
    flat = [value for pieces in sums for piece in pieces for value in piece]
    if not flat:
        return torch.zeros(len(blocks), width, dtype=torch.float64, device=blocks[0].parameter.device)
    if len({value.dtype for value in flat}) > 1:
        flat = [value.double() for value in flat]
    values = torch.stack(flat).double().reshape(-1, width)
    if len(values) != len(blocks):
        place = torch.tensor([place for place, pieces in enumerate(sums) for _ in pieces], device=values.device)
        values = values.new_zeros(len(blocks), width).index_add_(0, place, values)
    values[:, columns.index("dot")].neg_()
    return values


def _of_start(values: Tensor, columns: Sequence[str], *, known: bool) -> None:
    """Turn sums with the weights after a step into those with the weights before it, in place.

    Args:
        values: (L, C): θ'·∇L, θ'·g and |θ'|²; θ·y, θ·g and |θ|² when done.
        columns: Their names.
        known: Whether those with g and θ are of the start already.
    """
    column = {name: values[:, columns.index(name)] for name in (*CORE, *DECAY)}
    if not known:
        along, step_sq = column["theta_dot_step"].clone(), column["step_sq"]
        column["theta_dot_step"].sub_(step_sq)
        column["theta_sq"].add_(step_sq - 2 * along).clamp_(min=0)
    column["theta_dot_descent"].add_(column["dot"]).neg_()


def in_range(
    table: Table,
    moves: Mapping[nn.Parameter, Tensor],
    gradient: Mapping[nn.Parameter, Tensor],
    theta: Mapping[nn.Parameter, Tensor] | None = None,
) -> Table:
    """Take the sums again, in float64, of blocks whose squares may have left the range of float32.

    Args:
        table: Sums on the host.
        moves: As for `measure`.
        gradient: As for `measure`.
        theta: As for `measure`.

    Returns:
        The table, of the very numbers that the tensors hold.
    """
    odd = ~torch.isfinite(table.values).all(1)
    for name, smallest in _SMALLEST.items():
        if name in table.columns:
            odd |= table[name] < smallest
    if not bool(odd.any()):
        return table
    values, columns = table.values.clone(), table.columns
    for place in odd.nonzero().flatten().tolist():
        block = table.blocks[place]
        if _narrow(block.parameter):
            wide: list[Any] = [
                None if source is None else {block.parameter: _double(block.of(source[block.parameter]))}
                for source in (moves, gradient, theta)
            ]
            whole = Block(block.name, block.layer, block.parameter)
            found = measure([whole], *wide, counts="moved" in columns, signs="product_sq" in columns)
            values[place] = torch.stack([found[name][0] for name in columns]).cpu()
    return replace(table, values=values)


def _narrow(parameter: nn.Parameter) -> bool:
    return parameter.dtype not in (torch.float64, torch.complex128)


def _double(tensor: Tensor) -> Tensor:
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def _row_sums(move: Tensor, gradient: Tensor) -> Tensor:
    step, descent = move.double(), -gradient.double()
    if step.ndim < 2:
        step, descent = step.reshape(1, -1), descent.reshape(1, -1)
    pairs = ((step, step), (descent, descent), (step, descent))
    return torch.stack([(a * b).flatten(1).sum(1) for a, b in pairs])


def _ratios(move: Tensor, gradient: Tensor) -> Tensor:
    step, descent = move.double().flatten(), -gradient.double().flatten()
    live = (step != 0) | (descent != 0)
    step, descent = step[live], descent[live]
    if not len(step):
        return torch.tensor([torch.inf, 0.0], dtype=torch.float64, device=move.device)
    ratio = torch.where(descent != 0, step / descent, torch.inf).clamp(min=0)
    return torch.stack(torch.aminmax(ratio))
