"""One optimizer's steps, measured: a copy before, a comparison after, and the row that says what it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.geometry.dots import dense, dot
from antigrad.geometry.effects import SafeWeight
from antigrad.geometry.watch.given import decay_rates, given_gradients, loss_scale, scale_left
from antigrad.geometry.watch.independent import Gradients, gradient_from_closure, gradient_of, loss_of, step_from
from antigrad.geometry.watch.part_gradients import PartGradients
from antigrad.geometry.watch.part_sums import PartSums, as_part_sums, optimizer_diagonal, part_sums
from antigrad.geometry.watch.settings import Settings
from antigrad.geometry.watch.step_row import check_sum, independent_figures, measured_figures, part_figures, step_row
from antigrad.geometry.watch.table import Table, added_up, measure
from antigrad.geometry.watch.watched import (
    Block,
    Copies,
    copies,
    cut_into_blocks,
    local,
    names_of,
    optimizer_parameters,
)

SAMPLE = 4096
"""About how many entries of a gradient are compared before and after a step."""


@dataclass
class _Before:
    """What is known of a step before it is taken."""

    blocks: list[Block]
    old: Gradients
    given_sq: Tensor
    gradients: Gradients | None
    decay: Tensor
    scale: float
    half: tuple[Gradients, Gradients] | None = None
    held_out: tuple[float, Gradients] | None = None


class Tracker:
    """Measures the steps of one optimizer.

    Args:
        optimizer: The optimizer.
        model: Gives the parameters their names; may be None.
        settings: What was asked for.
        parts: Where the gradients of the parts are.
        emit: Takes each finished row.
        start: Number of the first step.
        name: What its rows call it.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        model: nn.Module | None,
        settings: Settings,
        parts: PartGradients,
        emit: Callable[[dict[str, Any]], None],
        start: int,
        name: str,
    ) -> None:
        self.optimizer, self.settings, self.step, self._name = optimizer, settings, start, name
        self._model, self._parts, self._emit = model, parts, emit
        self.parameters = optimizer_parameters(optimizer)
        self._names = names_of(self.parameters, model)
        self._blocks = cut_into_blocks(self._names, settings.granularity, model)
        self._before: _Before | None = None
        self._pending: tuple[dict[str, Any], _Before] | None = None
        self._halves: list[Gradients] = []
        self._copies = Copies()

    @property
    def due(self) -> bool:
        """Whether the next step is logged."""
        return self.step % self.settings.every == 0

    def half(self) -> None:
        """Keep the gradient accumulated so far: half of the batch, then the other half."""
        if self.due and self.settings.independent == "split":
            now = {p: 2 * p.grad.detach() for p in self.parameters if p.grad is not None}
            first = self._halves[0] if self._halves else {}
            self._halves.append({p: now[p] - first[p] if p in first else now[p] for p in now})

    @torch.no_grad()
    def before(self, closure: Callable[[], Any] | None) -> None:
        """Look at what the step starts from.

        Args:
            closure: What `step` was called with. It is evaluated once more, on the side: gradients that
                lie about when such a step begins are those of another place.

        Raises:
            AntigradError: No parameter has a gradient.
        """
        own = closure is not None and (self.due or self._pending is not None)
        if closure is not None and own:
            gradients = gradient_from_closure(closure, self.parameters, self._model)
        else:
            gradients = given_gradients(self.parameters)
        self._finish(gradients)
        if not self.due:
            return
        if not gradients:
            raise AntigradError(
                f"step {self.step} of {type(self.optimizer).__name__} without any gradient",
                "gradients at the time of step()",
                "call backward before it, and zero_grad after it",
            )
        blocks = [block for block in self._turn() if block.parameter in gradients]
        if not blocks:  # None of those whose turn it is.
            return
        watched = list(dict.fromkeys(block.parameter for block in blocks))
        self._before = before = _Before(
            blocks=blocks,
            old=self._copies.of(watched),
            given_sq=_sampled_squares(gradients, watched),
            gradients={p: gradients[p].clone() for p in watched} if self.settings.copy_grad or own else None,
            decay=decay_rates(self.optimizer, blocks, self.settings.decoupled_decay),
            scale=loss_scale(self.optimizer),
        )
        if self.settings.independent == "split":
            before.half = self._half_step(closure)
        if self.settings.held_out is not None:
            before.held_out = gradient_of(self.settings.held_out, self.parameters, self._model)

    @torch.no_grad()
    def after(self, weight: float, safe: SafeWeight | None) -> None:
        """Look at what the step did, and write its row.

        Args:
            weight: Weight of the down part in this step.
            safe: Running estimate of the safe weight, brought up to date; None if there is none.
        """
        before, self._before = self._before, None
        self.step += 1
        if before is None:
            return
        table, parts = self._measure(before, before.gradients or given_gradients(self.parameters))
        row = {**self._row(before, table), **part_figures(table, parts)}
        if row["effect"] is not None:
            if self.settings.rotate == 1 and not self.settings.other_parts:
                check_sum(table, cast(PartSums, parts), weight)
            row["down_weight"] = weight
        if safe is not None and row["interaction"] is not None:
            row["safe_weight"] = safe.update(**row["interaction"])
        if self.settings.independent == "lagged" and not row["skipped"] and not row["non_finite"]:
            self._pending = row, before
        else:
            self._emit(row)

    def finish(self) -> None:
        """Write the row that still waits, without an independent gradient."""
        self._finish({})

    def _finish(self, gradients: Gradients) -> None:
        # Completes the last row with the gradient of the batch that comes after it.
        pending, self._pending = self._pending, None
        if pending is None:
            return
        row, before = pending
        found = self._against(before, {p: local(p) for p in before.old}, gradients, loss_scale(self.optimizer))
        if found is not None:
            table, decay = found
            figures = independent_figures(table, decay, "lagged")
            row.update(figures)
            row["overshoot"] = table.total("dot") < 0 if figures else None
        self._emit(row)

    def _turn(self) -> Sequence[Block]:
        logged = self.step // self.settings.every
        return self._blocks[logged % self.settings.rotate :: self.settings.rotate]

    def _half_step(self, closure: object) -> tuple[Gradients, Gradients]:
        # The step that one half of the batch would have made, and the gradient of the other half.
        halves, self._halves = self._halves, []
        if closure is not None:
            raise InputValueError(
                "independent='split' with step(closure)", "a step without one", "use independent='held_out'"
            )
        if not halves:
            raise InputValueError(
                f"independent='split' without half() before step {self.step}",
                "a call of half() between the two halves of the batch",
                "call it after the first half's backward, or use independent='lagged'",
            )
        first = halves[0]
        grads = {p: p.grad for p in first if p.grad is not None}
        second = halves[1] if len(halves) > 1 else {p: 2 * grad - first[p] for p, grad in grads.items()}
        second = {p: dense(gradient) for p, gradient in second.items()}
        return step_from(self.optimizer, first), second

    def _sums(
        self,
        blocks: Sequence[Block],
        new: Mapping[nn.Parameter, Tensor],
        before: _Before,
        slope: Gradients,
        *,
        counts: bool = False,
    ) -> Table:
        rung = self.settings.granularity
        decayed, rows = bool(before.decay.any()), rung in ("row", "coordinate")
        every = rung == "coordinate"
        return measure(blocks, new, before.old, slope, counts=counts, decay=decayed, rows=rows, coordinates=every)

    def _against(
        self, before: _Before, new: Mapping[nn.Parameter, Tensor], gradients: Gradients, scale: float = 1.0
    ) -> tuple[Table, Tensor] | None:
        # The sums of a step with a gradient that did not make it, and the decay of their blocks; None if they
        # have no block in common.
        common = [block.parameter in gradients and block.parameter in new for block in before.blocks]
        blocks = [block for block, shared in zip(before.blocks, common, strict=True) if shared]
        if not blocks:
            return None
        table = self._sums(blocks, new, before, gradients)
        share = self._share([block.parameter for block in blocks])
        whole = table.on_host(*added_up([(table.values, share)], self.settings.group)).unscaled(scale)
        return whole, before.decay[common]

    def _measure(self, before: _Before, gradients: Gradients) -> tuple[Table, PartSums | None]:
        # All sums of the step, in one reduction and one transfer.
        new = {p: local(p) for p in before.old}
        table = self._sums(before.blocks, new, before, gradients, counts=True)
        share = self._share(list(new))
        pieces = [
            (table.values, self._share([block.parameter for block in before.blocks])),
            (torch.stack([before.given_sq, _sampled_squares(gradients, list(new))], 1), share),
        ]
        self._parts.averaged(self.settings.group, self.settings.world)
        if self._parts:
            diagonal = optimizer_diagonal(self.optimizer)
            pieces.append((part_sums(self._parts, new, before.old, gradients, diagonal), share))
        values, squares, *part_values = added_up(pieces, self.settings.group)
        scale = before.scale
        if before.gradients is None:
            scale = scale_left(squares, scale, [self._names[p] for p in new], self.optimizer)
        parts = as_part_sums(self._parts.names, part_values[0].sum(0), scale) if part_values else None
        return table.on_host(values).unscaled(scale), parts

    def _row(self, before: _Before, table: Table) -> dict[str, Any]:
        names = {block.parameter for block in before.blocks}
        share = sum(p.numel() for p in names) / sum(p.numel() for p in self.parameters)
        row = step_row(table, before.decay, step=self.step - 1, optimizer=self._name, share=share)
        if row["skipped"] or row["non_finite"]:
            return row
        if before.half is not None:
            moved, gradients = before.half
            found = self._against(before, moved, gradients, before.scale)
            row |= {} if found is None else independent_figures(*found, "split")
        if before.held_out is not None:
            row |= self._held_out_figures(before, *before.held_out)
        return row

    def _held_out_figures(self, before: _Before, loss: float, gradients: Gradients) -> dict[str, Any]:
        found = self._against(before, {p: local(p) for p in before.old}, gradients)
        if found is None:
            raise InputValueError(
                "a held-out loss that reaches none of the watched parameters", "one of this model", "check held_out"
            )
        table, decay = found
        after = loss_of(cast(Callable[[], Any], self.settings.held_out), self.parameters, self._model)
        whole = self.settings.rotate == 1 and len(table.blocks) == len(before.blocks)
        measured = measured_figures(table, loss, after, whole=whole)
        wanted = self.settings.independent == "held_out"
        return {**measured, **(independent_figures(table, decay, "held_out") if wanted else {})}

    def _share(self, parameters: Sequence[nn.Parameter]) -> Tensor:
        return torch.tensor([1 / copies(p, self.settings.world) for p in parameters], dtype=torch.float64)


def _sampled_squares(gradients: Mapping[nn.Parameter, Tensor], parameters: Sequence[nn.Parameter]) -> Tensor:
    # Enough to see that a step wrote over a gradient, which it does to all of it.
    samples = [gradients[p].reshape(-1)[:: gradients[p].numel() // SAMPLE | 1] for p in parameters]
    return torch.stack([dot(sample, sample) for sample in samples])
