"""The sums a certificate is made of: a few numbers a block, taken in one pass over the parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from antigrad.geometry.watch.watched import Block

CORE = ("step_sq", "descent_sq", "dot")
SIGNS = ("product_sq",)
COUNTS = ("moved", "live")
DECAY = ("theta_dot_descent", "theta_dot_step", "theta_sq")


@dataclass(frozen=True)
class Table:
    r"""Sums over each of L blocks, with y the negative gradient, g the applied step, θ the weights before.

    Columns `step_sq` |g|², `descent_sq` |y|², `dot` g·y; `product_sq` Σ g²y² when asked for; when weights are counted
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
