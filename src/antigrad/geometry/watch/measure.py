"""Taking the sums of a step: one pass over the parameters, few operations, nothing lost to the range of float32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.geometry.dots import in_pieces
from antigrad.geometry.watch.table import CORE, COUNTS, DECAY, Table
from antigrad.geometry.watch.watched import Block

_SMALLEST = torch.tensor([1e-30, 1e-30, -torch.inf, 1e-32], dtype=torch.float64)
"""Sums of squares below which float32 may have lost some of their terms, by column; a product has any sign."""


def measure(
    blocks: Sequence[Block],
    moves: Mapping[nn.Parameter, Tensor],
    gradient: Mapping[nn.Parameter, Tensor],
    theta: Mapping[nn.Parameter, Tensor] | None = None,
    *,
    counts: bool = False,
    rows: bool = False,
    coordinates: bool = False,
) -> Table:
    """Take the sums of one step against one gradient.

    Args:
        blocks: What to sum over.
        moves: g, the parameters after the step minus before it.
        gradient: ∇L; its negative is y.
        theta: The parameters after the step, to take the sums with θ too; None without.
        counts: Count the weights that moved.
        rows: Keep the sums of every row of a matrix.
        coordinates: Keep the range of g/y.

    Returns:
        The table, on the device of the parameters: nothing is read by the host unless a sum left the range of
        float32, which is seen on the CPU alone.
    """
    columns = CORE + (COUNTS if counts else ()) + (DECAY if theta is not None else ())
    sources = [moves, gradient, *([theta] if theta is not None else [])]
    cut = [[block.of(source[block.parameter]) for source in sources] for block in blocks]
    values = _stacked([_sums(tensors, counts) for tensors in cut], len(columns), blocks)
    if theta is not None:
        _of_start(values, columns)
    row_sums = [_row_sums(*tensors[:2]) for tensors in cut] if rows else []
    ratios = [_ratios(*tensors[:2]) for tensors in cut] if coordinates else []
    return Table(
        blocks,
        columns,
        values,
        torch.cat(row_sums, 1) if rows else None,
        torch.stack(ratios) if coordinates else None,
    )


def in_range(
    table: Table,
    moves: Mapping[nn.Parameter, Tensor],
    gradient: Mapping[nn.Parameter, Tensor],
    theta: Mapping[nn.Parameter, Tensor] | None = None,
    *,
    counts: bool = False,
) -> Table:
    """Take the sums again, in float64, of blocks whose squares may have left the range of float32.

    Args:
        table: Sums on the host.
        moves: As for `measure`.
        gradient: As for `measure`.
        theta: As for `measure`.
        counts: As for `measure`.

    Returns:
        The table, of the very numbers that the tensors hold.
    """
    values = table.values
    odd = ~torch.isfinite(values).all(1) | (values[:, :4] < _SMALLEST).any(1)
    places = [place for place in odd.nonzero().flatten().tolist() if _narrow(table.blocks[place].parameter)]
    if not places:
        return table
    values = values.clone()
    for place in places:
        block = table.blocks[place]
        wide: list[Any] = [
            None if source is None else {block.parameter: _double(block.of(source[block.parameter]))}
            for source in (moves, gradient, theta)
        ]
        whole = Block(block.name, block.layer, block.parameter)
        values[place] = measure([whole], wide[0], wide[1], wide[2], counts=counts).values[0].cpu()
    return replace(table, values=values)


def _narrow(parameter: nn.Parameter) -> bool:
    return parameter.dtype not in (torch.float64, torch.complex128)


def _double(tensor: Tensor) -> Tensor:
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def _sums(tensors: Sequence[Tensor], counts: bool) -> list[list[Tensor]]:
    return [_piece(piece, counts) for piece in in_pieces(*tensors)]


def _piece(tensors: Sequence[Tensor], counts: bool) -> list[Tensor]:
    step, slope = tensors[0], tensors[1]
    product = step * slope
    found = [torch.dot(step, step), torch.dot(slope, slope), torch.dot(step, slope), torch.dot(product, product)]
    if counts:
        found += [torch.count_nonzero(product), torch.count_nonzero(slope)]
    if len(tensors) > 2:
        theta = tensors[2]
        found += [torch.dot(theta, slope), torch.dot(theta, step), torch.dot(theta, theta)]
    return found


def _stacked(sums: Sequence[list[list[Tensor]]], width: int, blocks: Sequence[Block]) -> Tensor:
    """Put the sums of all pieces into one table, with a handful of operations.

    Args:
        sums: Of each block, of each of its pieces.
        width: Number of columns.
        blocks: The blocks.

    Returns:
        (L, C) float64.
    """
    flat = [value for pieces in sums for piece in pieces for value in piece]
    if not flat:
        return torch.zeros(len(blocks), width, dtype=torch.float64, device=blocks[0].parameter.device)
    if len({value.dtype for value in flat}) > 1:  # Counts are whole numbers; and a model may have several formats.
        flat = [value.double() for value in flat]
    values = torch.stack(flat).double().reshape(-1, width)
    if len(values) != len(blocks):
        place = torch.tensor([place for place, pieces in enumerate(sums) for _ in pieces], device=values.device)
        values = values.new_zeros(len(blocks), width).index_add_(0, place, values)
    values[:, 2].neg_()
    return values


def _of_start(values: Tensor, columns: Sequence[str]) -> None:
    """Turn sums with the weights after a step into those with the weights before it, in place.

    Args:
        values: (L, C): θ'·∇L, θ'·g and |θ'|² in the last three columns; θ·y, θ·g and |θ|² when done.
        columns: Their names.
    """
    place = columns.index(DECAY[0])
    slope, along, size = (values[:, place + offset].clone() for offset in range(3))
    step_sq, dot = values[:, 0], values[:, 2]
    values[:, place] = -slope - dot
    values[:, place + 1] = along - step_sq
    values[:, place + 2] = (size - 2 * along + step_sq).clamp(min=0)


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
