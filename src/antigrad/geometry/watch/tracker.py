"""One optimizer's steps, measured: a copy before, the move after, and the row that says what it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.core.errors import InputValueError
from antigrad.geometry.dots import dense, dot
from antigrad.geometry.effects import SafeWeight
from antigrad.geometry.evidence import evidence
from antigrad.geometry.watch.given import Mark, decay_rates, keeps_gradients, loss_scale
from antigrad.geometry.watch.half_step import half_step
from antigrad.geometry.watch.held_out import held_out_gradient
from antigrad.geometry.watch.independent import against_half, against_held_out, against_next
from antigrad.geometry.watch.moment import Moment
from antigrad.geometry.watch.part_gradients import PartGradients
from antigrad.geometry.watch.pool import SPACING, Pool, Products
from antigrad.geometry.watch.settings import Settings
from antigrad.geometry.watch.step import Pending, Step
from antigrad.geometry.watch.step_row import part_figures, step_row, sum_disagrees
from antigrad.geometry.watch.steps import Closure
from antigrad.geometry.watch.summing import Summing
from antigrad.geometry.watch.table import Table
from antigrad.geometry.watch.waiting import from_tensors
from antigrad.geometry.watch.watched import (
    Block,
    Copies,
    Gradients,
    cut_into_blocks,
    local,
    names_of,
    optimizer_parameters,
)

MICRO_BATCHES = 8
"""From so many micro-batches on a row has evidence of its own."""


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
        self.optimizer, self.settings, self.step, self.name = optimizer, settings, start, name
        self._model, self._parts, self._emit = model, parts, emit
        self.pool = self.new_pool()
        self.parameters: list[nn.Parameter] = []
        self._blocks: list[Block] = []
        self._refresh()
        self._now: Step | None = None
        self._moment: Moment | None = None
        self._mark: Mark | None = None
        self._pending: Pending | None = None
        self._halves: list[Gradients] = []
        self._copies = Copies(), Copies()
        self._agreed = False

    def new_pool(self) -> Pool:
        """Make what remembers rows.

        Returns:
            An empty one.
        """
        return Pool(SPACING if self.settings.independent == "held_out" else 1)

    @property
    def due(self) -> bool:
        """Whether the next step is logged."""
        return self.step % self.settings.every == 0

    def current(self) -> list[nn.Parameter]:
        """Parameters that the optimizer steps now.

        Returns:
            Those that need a gradient.
        """
        return optimizer_parameters(self.optimizer, empty=True)

    def half(self) -> None:
        """Keep the gradient accumulated so far: half of the batch, then the other half."""
        if self.due and self.settings.independent == "split":
            now = {p: 2 * p.grad.detach() for p in self.parameters if p.grad is not None}
            first = self._halves[0] if self._halves else {}
            self._halves.append({p: now[p] - first[p] if p in first else now[p] for p in now})

    @torch.no_grad()
    def micro_batch(self) -> None:
        """Take the product of the row that waits with the gradient accumulated so far."""
        # Of several processes each has seen its own share only.
        if self._pending is not None and self.settings.group is None:
            moves = self._pending.step.old
            drops = [-dot(moves[p], local(dense(p.grad))) for p in moves if p.grad is not None]
            if drops:
                self._pending.drops.append(float(torch.stack(drops).sum()))

    @torch.no_grad()
    def begin(self, closure: Closure | None, taking: Callable[[bool], None]) -> Closure | None:
        """Look at what the step starts from.

        Args:
            closure: What `step` was called with.
            taking: Called with True around the evaluation whose parts are those of the step.

        Returns:
            What it is to be called with instead; None without a closure.
        """
        self._now = self._moment = None
        if not self.due and self._pending is None:
            return closure
        self._refresh()
        copy = self.due and not keeps_gradients(self.optimizer)
        self._moment = Moment(self.parameters, self._mark, copy=copy, seen=self._complete, taking=taking)
        used = self._moment.begin(closure)
        if self.due:
            # Without a closure it is known by now which parameters have a gradient.
            there = None if closure is not None else self._moment.gradients
            self._now = self._started(there or None, by_closure=closure is not None)
        return used

    @torch.no_grad()
    def end(self, weight: float, safe: SafeWeight | None) -> None:
        """Look at what the step did, and write its row.

        Args:
            weight: Weight of the down part in this step.
            safe: Running estimate of the safe weight, brought up to date; None if there is none.
        """
        step, moment, self._now, self._moment = self._now, self._moment, None, None
        self.step += 1
        self._mark = Mark(self.parameters)
        if moment is None:
            return
        gradients = moment.end()
        if step is None:
            return
        known = bool(gradients)
        if not known:  # The optimizer made its own, or there is none: nothing says which parameters take part.
            gradients = {p: old.new_zeros(()).expand_as(old) for p, old in step.old.items()}
        step.keep(gradients)
        if not step.blocks:
            return
        step.moved()
        sums = Summing(self.optimizer, self.settings)
        table, parts = sums.of_step(step.blocks, step.old, gradients, step.decay, step.scale, self._parts)
        row: dict[str, Any] = {**self._row(step, table), "gradient": known, **part_figures(table, parts)}
        if row["effect"] is not None and parts is not None:
            row["down_weight"] = weight
            self._check(row, None if self._other_parts() else sum_disagrees(table, parts, weight))
        if safe is not None and row["interaction"] is not None:
            row["safe_weight"] = safe.update(**row["interaction"])
        self._say(row, step, table, sums)

    def forget(self, *, waiting: bool = False) -> None:
        """Forget a step that began and never ended.

        Args:
            waiting: And the row that waits.
        """
        self._now = self._moment = None
        self._pending = None if waiting else self._pending

    @property
    def waiting(self) -> Pending | None:
        """The row that waits for the next batch."""
        return self._pending

    @torch.no_grad()
    def wait_again(self, text: str, tensors: Mapping[str, Tensor]) -> None:
        """Let the row wait that waited when a checkpoint was written.

        Args:
            text: Its facts, see `waiting.py`.
            tensors: Its tensors.
        """
        self._refresh()
        self._pending = from_tensors(text, tensors, self._blocks)
        if self._pending is not None:
            step = self._pending.step
            moves, step.old = step.old, self._copies[step.buffer].of(list(step.old))  # where moves always lie
            for parameter, move in step.old.items():
                move.copy_(moves[parameter])

    def finish(self) -> None:
        """Write the row that still waits, without an independent gradient."""
        self._complete({})

    def let_go(self) -> None:
        """Keep no tensor."""
        self._now = self._moment = self._mark = self._pending = None
        self._halves, self._copies = [], (Copies(), Copies())
        self.parameters, self._blocks, self._model = [], [], None

    def _refresh(self) -> None:
        # Parameters may be added, frozen and unfrozen while a training continues.
        found = optimizer_parameters(self.optimizer, empty=True)
        if len(found) != len(self.parameters) or any(a is not b for a, b in zip(found, self.parameters, strict=True)):
            self.parameters = found
            self._blocks = cut_into_blocks(names_of(found, self._model), self.settings.granularity, self._model)

    def _started(self, gradients: Gradients | None, *, by_closure: bool) -> Step | None:
        logged = self.step // self.settings.every
        turn: Sequence[Block] = self._blocks[logged % self.settings.rotate :: self.settings.rotate]
        blocks = [block for block in turn if gradients is None or block.parameter in gradients]
        if not blocks:  # None of those whose turn it is.
            return None
        watched = list(dict.fromkeys(block.parameter for block in blocks))
        buffer = 0 if self._pending is None else 1 - self._pending.step.buffer
        step = Step(
            blocks=blocks,
            old=self._copies[buffer].of(watched),
            decay=decay_rates(self.optimizer, blocks, self.settings.decoupled_decay),
            scale=loss_scale(self.optimizer),
            buffer=buffer,
        )
        if self.settings.independent == "split":
            halves, self._halves = self._halves, []
            step.half = half_step(self.optimizer, halves, self.step, by_closure=by_closure)
        if self.settings.held_out is not None:
            step.held_out = held_out_gradient(self.settings.held_out, self.parameters, self._model)
        return step

    def _row(self, step: Step, table: Table) -> dict[str, Any]:
        watched = sum(parameter.numel() for parameter in step.old)
        share = watched / (sum(parameter.numel() for parameter in self.parameters) or 1)
        return step_row(table, step.decay, step=self.step - 1, optimizer=self.name, share=share)

    def _other_parts(self) -> bool:
        return self.settings.rotate > 1 or self.settings.other_parts

    def _check(self, row: dict[str, Any], cosine: float | None) -> None:
        if cosine is not None and not self._agreed:
            raise InputValueError(
                f"parts whose sum has cosine {cosine:.3f} with the gradient of the step",
                "at least 0.98",
                "give the parts of the very loss that is trained, of every micro-batch, with the same weight; "
                "clip gradients by norm, not by value",
            )
        self._agreed = True
        row["parts_cos"] = cosine

    def _say(self, row: dict[str, Any], step: Step, table: Table, sums: Summing) -> None:
        # What a gradient says that did not make the step, as soon as there is one.
        if row["skipped"] or row["non_finite"]:
            self._emit(row)
            return
        own = Products.of(table) if table.total("descent_sq") > 0 else None
        if step.half is not None:
            against_half(row, step.half, step, sums, self.pool)
        if step.held_out is not None:
            against_held_out(row, step.held_out, step, sums, self.pool, self.parameters, self._model)
        if self.settings.independent == "lagged":
            step.half = step.held_out = None
            self._pending = Pending(row, step, own, table)
        else:
            self._emit(row)

    def _complete(self, gradients: Gradients) -> None:
        # Finishes the last row with the gradient of the batch that comes after it.
        pending, self._pending = self._pending, None
        if pending is None:
            return
        sums = Summing(self.optimizer, self.settings)
        drops = [after - before for before, after in zip([0.0, *pending.drops], pending.drops, strict=False)]
        alone = evidence(drops) if len(drops) >= MICRO_BATCHES else None
        against_next(pending, gradients, sums, self.pool, alone)
        self._emit(pending.row)
