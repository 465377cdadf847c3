"""The sums of a step over all that is watched, in one reduction over processes and one transfer to the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from antigrad.geometry.watch.measure import in_range, measure
from antigrad.geometry.watch.part_gradients import PartGradients
from antigrad.geometry.watch.part_sums import PartSums, as_part_sums, optimizer_diagonal, part_sums
from antigrad.geometry.watch.settings import Settings
from antigrad.geometry.watch.table import Table, added_up
from antigrad.geometry.watch.watched import Block, Gradients, copies, local


class Summing:
    """Takes sums as a watch was asked to.

    Args:
        optimizer: Whose steps they are.
        settings: What was asked for.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, settings: Settings) -> None:
        self.optimizer, self.settings = optimizer, settings

    def of_step(
        self,
        blocks: Sequence[Block],
        moves: Gradients,
        gradients: Gradients,
        decay: Tensor,
        scale: float,
        parts: PartGradients,
    ) -> tuple[Table, PartSums | None]:
        """Take all sums of a step with the gradient that made it, and with those of the parts.

        Args:
            blocks: What is looked at.
            moves: g.
            gradients: ∇L, times a factor.
            decay: (L,) learning rate times decoupled weight decay.
            scale: The factor.
            parts: Gradients of the parts; averaged over processes here.

        Returns:
            The sums, on the CPU, with the factor divided out; None for the parts if there are none.
        """
        theta = _now(moves) if decay.any() else None
        table = self._measured(blocks, moves, gradients, theta, counts=True)
        pieces = [(table.values, self._share([block.parameter for block in blocks]))]
        parts.averaged(self.settings.group, self.settings.world)
        if parts:
            diagonal = optimizer_diagonal(self.optimizer)
            pieces.append((part_sums(parts, moves, gradients, diagonal), self._share(list(moves))))
        values, *part_values = added_up(pieces, self.settings.group)
        table = self._in_range(table.on_host(values), moves, gradients, theta)
        found = as_part_sums(parts.names, part_values[0].sum(0), scale) if part_values else None
        return table.unscaled(scale), found

    def against(
        self,
        blocks: Sequence[Block],
        moves: Mapping[nn.Parameter, Tensor],
        gradients: Gradients,
        decay: Tensor,
        scale: float = 1.0,
        known: Table | None = None,
    ) -> tuple[Table, Tensor] | None:
        """Take the sums of a step with a gradient that did not make it.

        Args:
            blocks: What is looked at.
            moves: g.
            gradients: ∇L of other data, times a factor.
            decay: (L,) learning rate times decoupled weight decay.
            scale: The factor.
            known: Sums of the same step and blocks with another gradient.

        Returns:
            The sums and the decay of their blocks; None if step and gradient have no block in common.
        """
        common = [block.parameter in gradients and block.parameter in moves for block in blocks]
        shared = [block for block, both in zip(blocks, common, strict=True) if both]
        if not shared:
            return None
        rates = decay[torch.tensor(common)]
        known = known if len(shared) == len(blocks) and self.settings.group is None else None
        theta = _now(moves) if rates.any() else None
        table = self._measured(shared, moves, gradients, theta, known=known)
        share = self._share([block.parameter for block in shared])
        whole = table.on_host(*added_up([(table.values, share)], self.settings.group))
        return self._in_range(whole, moves, gradients, theta).unscaled(scale), rates

    def _measured(
        self,
        blocks: Sequence[Block],
        moves: Mapping[nn.Parameter, Tensor],
        gradients: Gradients,
        theta: Gradients | None,
        *,
        counts: bool = False,
        known: Table | None = None,
    ) -> Table:
        rung = self.settings.granularity
        rows, every = rung in ("row", "coordinate"), rung == "coordinate"
        return measure(
            blocks,
            moves,
            gradients,
            theta,
            counts=counts,
            signs=not counts,
            rows=rows,
            coordinates=every,
            known=known,
        )

    def _in_range(
        self, table: Table, moves: Mapping[nn.Parameter, Tensor], gradients: Gradients, theta: Gradients | None
    ) -> Table:
        if self.settings.group is not None:  # What one process finds again, the others would have to.
            return table
        return in_range(table, moves, gradients, theta)

    def _share(self, parameters: Sequence[nn.Parameter]) -> Tensor:
        if self.settings.group is None:
            return torch.empty(0)
        return torch.tensor([1 / copies(p, self.settings.world) for p in parameters], dtype=torch.float64)


def _now(moves: Mapping[nn.Parameter, Tensor]) -> Gradients:
    # Weights before the step are these minus the move. What a training does to them between steps changes the share
    # of weight decay by that share of itself: nothing that shows.
    return {parameter: local(parameter) for parameter in moves}
