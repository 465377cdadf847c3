"""The sums a certificate is made of: a few numbers a block, taken in one pass over the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from antigrad.geometry.dots import in_pieces
from antigrad.geometry.watch.watched import Block

CORE = ("step_sq", "descent_sq", "dot", "product_sq")
COUNTS = ("moved", "live")
DECAY = ("theta_dot_descent", "theta_dot_step", "theta_sq")


@dataclass(frozen=True)
class Table:
    r"""Sums over each of L blocks, with y the negative gradient, g the applied step, θ the weights before.

    Columns `step_sq` |g|², `descent_sq` |y|², `dot` g·y, `product_sq` Σ g²y²; when weights are counted
    `moved` (those that changed among those with a gradient) and `live` (those with a gradient); and with
    weight decay `theta_dot_descent` θ·y, `theta_dot_step` θ·g, `theta_sq` |θ|².

    Args:
        blocks: What the rows are.
        columns: What the columns are.
        values: (L, C) float64.
        rows: `step_sq`, `descent_sq`, `dot` of every row of every block, (3, R), when asked for.
        ratios: (L, 2) least and greatest g/y over the coordinates, when asked for: 0 where a
            coordinate goes against y, infinity where it moves without gradient.
    """

    blocks: Sequence[Block]
    columns: Sequence[str]
    values: Tensor
    rows: Tensor | None = None
    ratios: Tensor | None = None

    def __getitem__(self, column: str) -> Tensor:
        """One column.

        Args:
            column: Its name.

        Returns:
            (L,) float64.
        """
        return self.values[:, self.columns.index(column)]

    def total(self, column: str) -> float:
        """Sum of a column over all blocks.

        Args:
            column: Its name.

        Returns:
            The sum.
        """
        return float(self[column].sum())

    def on_host(self, values: Tensor) -> Table:
        """The same table with its final values, on the CPU.

        Args:
            values: (L, C), added up over processes.

        Returns:
            The table.
        """
        rows = None if self.rows is None else self.rows.cpu()
        return replace(self, values=values, rows=rows, ratios=None if self.ratios is None else self.ratios.cpu())

    def unscaled(self, scale: float) -> Table:
        """The table of a gradient that was given multiplied by a factor.

        Args:
            scale: The factor.

        Returns:
            The table with the factor divided out.
        """
        if scale == 1:
            return self
        power = {"descent_sq": 2, "product_sq": 2, "dot": 1, "theta_dot_descent": 1}
        factors = torch.tensor([scale ** -power.get(column, 0) for column in self.columns], dtype=torch.float64)
        rows = None if self.rows is None else self.rows / torch.tensor([[1.0], [scale**2], [scale]])
        return replace(
            self,
            values=self.values * factors,
            rows=rows,
            ratios=None if self.ratios is None else self.ratios * scale,
        )

    def by_layer(self) -> Table:
        """The same with the blocks of one parameter summed.

        Returns:
            A table whose blocks are whole parameters.
        """
        first = {block.layer: block for block in reversed(self.blocks)}
        names = list(dict.fromkeys(block.layer for block in self.blocks))
        if len(names) == len(self.blocks):
            return self
        place = torch.tensor([names.index(block.layer) for block in self.blocks])
        values = torch.zeros(len(names), len(self.columns), dtype=self.values.dtype).index_add_(0, place, self.values)
        whole = [Block(name, name, first[name].parameter) for name in names]
        return replace(self, blocks=whole, values=values, rows=None, ratios=None)


def measure(
    blocks: Sequence[Block],
    new: Mapping[nn.Parameter, Tensor],
    old: Mapping[nn.Parameter, Tensor],
    gradient: Mapping[nn.Parameter, Tensor],
    *,
    counts: bool = False,
    decay: bool = False,
    rows: bool = False,
    coordinates: bool = False,
) -> Table:
    """Take the sums of one step against one gradient.

    Args:
        blocks: What to sum over.
        new: The parameters after the step.
        old: A copy of them before it.
        gradient: ∇L; its negative is y.
        counts: Count the weights that moved.
        decay: Take the sums with θ too.
        rows: Keep the sums of every row of a matrix.
        coordinates: Keep the range of g/y.

    Returns:
        The table, on the device of the parameters: nothing is read by the host.
    """
    columns = CORE + (COUNTS if counts else ()) + (DECAY if decay else ())
    values, row_sums, ratios = [], [], []
    for block in blocks:
        tensors = [block.of(source[block.parameter]) for source in (new, old, gradient)]
        values.append(_sums(*tensors, counts=counts, decay=decay))
        if rows:
            row_sums.append(_row_sums(*tensors))
        if coordinates:
            ratios.append(_ratios(*tensors))
    return Table(
        blocks,
        columns,
        torch.stack(values),
        torch.cat(row_sums, 1) if rows else None,
        torch.stack(ratios) if coordinates else None,
    )


def _sums(new: Tensor, old: Tensor, gradient: Tensor, *, counts: bool, decay: bool) -> Tensor:
    pieces = [_piece(*piece, counts=counts, decay=decay) for piece in in_pieces(new, old, gradient)]
    if not pieces:
        width = len(CORE) + counts * len(COUNTS) + decay * len(DECAY)
        return torch.zeros(width, dtype=torch.float64, device=new.device)
    return torch.stack([value.double() for piece in pieces for value in piece]).reshape(len(pieces), -1).sum(0)


def _piece(after: Tensor, before: Tensor, slope: Tensor, *, counts: bool, decay: bool) -> list[Tensor]:
    step = after - before
    product = step * slope
    step_sq, slope_sq, dots = torch.dot(step, step), torch.dot(slope, slope), torch.dot(step, slope)
    counted = [torch.count_nonzero(product), torch.count_nonzero(slope)] if counts else []
    with_decay = [-torch.dot(before, slope), torch.dot(before, step), torch.dot(before, before)] if decay else []
    # Products of small numbers squared leave the range of float32: they are measured in their mean size.
    size = (step_sq.double() * slope_sq.double()).sqrt() / len(step)
    factor = size.reciprocal().clamp(max=torch.finfo(product.dtype).max)
    product *= factor.to(product.dtype)
    return [step_sq, slope_sq, -dots, torch.dot(product, product).double() / factor**2, *counted, *with_decay]


def _row_sums(new: Tensor, old: Tensor, gradient: Tensor) -> Tensor:
    step, descent = (new - old).double(), -gradient.double()
    if step.ndim < 2:
        step, descent = step.reshape(1, -1), descent.reshape(1, -1)
    pairs = ((step, step), (descent, descent), (step, descent))
    return torch.stack([(a * b).flatten(1).sum(1) for a, b in pairs])


def _ratios(new: Tensor, old: Tensor, gradient: Tensor) -> Tensor:
    step, descent = (new - old).double().flatten(), -gradient.double().flatten()
    live = (step != 0) | (descent != 0)
    step, descent = step[live], descent[live]
    if not len(step):
        return torch.tensor([torch.inf, 0.0], dtype=torch.float64, device=new.device)
    ratio = torch.where(descent != 0, step / descent, torch.inf).clamp(min=0)
    return torch.stack(torch.aminmax(ratio))


def added_up(pieces: Sequence[tuple[Tensor, Tensor]], group: object) -> list[Tensor]:
    """Add up sums over all processes, in one reduction and one transfer to the host.

    The sum of local dots of shards is the dot of the whole.

    Args:
        pieces: Pairs of sums (n, ...) and what they count in this process (n,): 1 for a shard, 1/copies
            for a tensor that all hold alike.
        group: The process group; None for one process.

    Returns:
        The sums of the whole, on the CPU, in the order and shapes given.
    """
    if group is None:
        flat = torch.cat([sums.flatten() for sums, _ in pieces])
    else:
        counted = [sums * share.to(sums).reshape(-1, *[1] * (sums.ndim - 1)) for sums, share in pieces]
        flat = torch.cat([sums.flatten() for sums in counted])
        cast(Any, torch.distributed).all_reduce(flat, group=group)
    parts = flat.cpu().split([sums.numel() for sums, _ in pieces])
    return [part.reshape(sums.shape) for part, (sums, _) in zip(parts, pieces, strict=True)]
