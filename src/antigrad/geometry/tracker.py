"""One optimizer's steps, measured: a copy before, a comparison after, and the row that says what it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.geometry.angle import Certificate
from antigrad.geometry.dots import dense, dot
from antigrad.geometry.effects import SafeWeight
from antigrad.geometry.finite import discrete_angle
from antigrad.geometry.independent import Gradients, gradient_from_closure, gradient_of, loss_of, step_from
from antigrad.geometry.interaction import PartSums, as_part_sums, optimizer_diagonal, part_sums, weight_range
from antigrad.geometry.part_gradients import PartGradients
from antigrad.geometry.row import NOTHING, certificate_figures, decay_share, not_finite
from antigrad.geometry.table import Table, added_up, measure
from antigrad.geometry.watched import (
    Block,
    Granularity,
    copies,
    cut_into_blocks,
    local,
    names_of,
    optimizer_parameters,
)

Independent = Literal["lagged", "split", "held_out", "none"]
"""Where the gradient comes from that did not make the step."""
PARTS_AGREE = 0.98
"""Least cosine of the summed parts with the gradient of the step."""
DECOUPLED = (torch.optim.Adafactor, getattr(torch.optim, "Muon", torch.optim.Adafactor))
"""Classes that subtract learning rate times decay times weights apart from the gradient, and do not say so."""


@dataclass(frozen=True)
class Settings:
    """What a watch was asked for.

    Args:
        every: Log one step in so many.
        granularity: Finest blocks.
        independent: Source of the independent gradient.
        held_out: Loss on held-out data, or None.
        other_parts: The parts come from data of their own, and need not sum to the loss of the step.
        rotate: Watch one in so many blocks at a time.
        copy_grad: Keep a copy of the gradient over the step.
        decoupled_decay: Whether weight decay acts apart from the gradient; None asks the optimizer.
        group: Process group; None for one process.
        world: Number of processes.
    """

    every: int
    granularity: Granularity
    independent: Independent
    held_out: Callable[[], Any] | None
    other_parts: bool
    rotate: int
    copy_grad: bool
    decoupled_decay: bool | None
    group: object
    world: int


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


@dataclass
class _Pending:
    """A row that waits for the next batch's gradient."""

    row: dict[str, Any]
    before: _Before


class Tracker:
    """Measures the steps of one optimizer.

    Args:
        optimizer: The optimizer.
        model: Gives the parameters their names; may be None.
        settings: What was asked for.
        parts: Where the gradients of the parts are.
        emit: Takes each finished row, with the sums over the parts if there are any.
        start: Number of the first step.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        model: nn.Module | None,
        settings: Settings,
        parts: PartGradients,
        emit: Callable[[dict[str, Any]], None],
        start: int,
    ) -> None:
        self.optimizer, self.settings, self.step = optimizer, settings, start
        self._model, self._parts, self._emit = model, parts, emit
        self.parameters = optimizer_parameters(optimizer)
        self._blocks = cut_into_blocks(names_of(self.parameters, model), settings.granularity, model)
        self._before: _Before | None = None
        self._pending: _Pending | None = None
        self._halves: list[Gradients] = []

    @property
    def due(self) -> bool:
        """Whether the next step is logged."""
        return self.step % self.settings.every == 0

    def half(self) -> None:
        """Keep the gradient accumulated so far: half of the batch, then the other half."""
        if self.due:
            now = {p: dense(p.grad).detach() for p in self.parameters if p.grad is not None}
            first = self._halves[0] if self._halves else {}
            self._halves.append({p: 2 * now[p] - first[p] if p in first else 2 * now[p] for p in now})

    @torch.no_grad()
    def before(self, closure: Callable[[], Any] | None) -> None:
        """Look at what the step starts from.

        Args:
            closure: What `step` was called with.

        Raises:
            AntigradError: No parameter has a gradient.
        """
        self._finish()
        if not self.due:
            return
        given = None if closure is None else gradient_from_closure(closure, self.parameters, self._model)
        gradients = given or self._given()
        blocks = [block for block in self._turn() if block.parameter in gradients]
        if not gradients:
            raise AntigradError(
                f"step {self.step} of {type(self.optimizer).__name__} without any gradient",
                "gradients at the time of step()",
                "call backward before it, and zero_grad after it",
            )
        watched = list(dict.fromkeys(block.parameter for block in blocks))
        copy = self.settings.copy_grad or given is not None
        self._before = before = _Before(
            blocks=blocks,
            old={p: local(p).clone() for p in watched},
            given_sq=torch.stack([dot(gradients[p], gradients[p]) for p in watched]),
            gradients={p: gradients[p].clone() for p in watched} if copy else None,
            decay=self._decay(blocks),
            scale=_loss_scale(self.optimizer),
        )
        if self.settings.independent == "split" and self._halves:
            first = self._halves[0]
            second = self._halves[1] if len(self._halves) > 1 else {p: 2 * gradients[p] - first[p] for p in first}
            before.half = (step_from(self.optimizer, first), second)
        if self.settings.held_out is not None:
            before.held_out = gradient_of(self.settings.held_out, self.parameters, self._model)
        self._halves = []

    @torch.no_grad()
    def after(self, weight: float, safe: SafeWeight | None) -> None:
        """Look at what the step did, and write its row.

        Args:
            weight: Weight of the down part in this step.
            safe: Running estimate of the safe weight, brought up to date; None if there is none.

        Raises:
            AntigradError: The optimizer changed the gradient, or the parts are not those of the step.
        """
        before, self._before = self._before, None
        self.step += 1
        if before is None:
            return
        gradients = before.gradients or self._given()
        table, part_values = self._measure(before, gradients)
        row = {**self._row(before, table), **self._part_figures(table, part_values)}
        if row["effect"] is not None:
            self._check_sum(table, cast(PartSums, part_values), weight)
            row["down_weight"] = weight
        if safe is not None and row["interaction"] is not None:
            row["safe_weight"] = safe.update(**row["interaction"])
        if self.settings.independent == "lagged" and not row["skipped"] and not row["non_finite"]:
            self._pending = _Pending(row, before)
        else:
            self._emit(row)

    def finish(self) -> None:
        """Write the row that still waits, without an independent gradient."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._emit(pending.row)

    def _finish(self) -> None:
        """Complete the last row with the gradient of the batch that comes after it."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        gradients, before = self._given(), pending.before
        blocks = [block for block in before.blocks if block.parameter in gradients]
        if blocks:
            new = {p: local(p) for p in before.old}
            table = self._table(blocks, new, before, gradients).unscaled(_loss_scale(self.optimizer))
            if not not_finite(table):
                decay = before.decay[[block in blocks for block in before.blocks]]
                pending.row.update(certificate_figures(table, decay if decay.any() else None), independent="lagged")
                pending.row["overshoot"] = table.total("dot") < 0
        self._emit(pending.row)

    def _given(self) -> Gradients:
        return {p: local(dense(p.grad)) for p in self.parameters if p.grad is not None}

    def _turn(self) -> Sequence[Block]:
        logged = self.step // self.settings.every
        return self._blocks[logged % self.settings.rotate :: self.settings.rotate]

    def _sums(
        self, blocks: Sequence[Block], new: Mapping[nn.Parameter, Tensor], before: _Before, gradients: Gradients
    ) -> Table:
        rung = self.settings.granularity
        return measure(
            blocks,
            new,
            before.old,
            gradients,
            decay=bool(before.decay.any()),
            rows=rung in ("row", "coordinate"),
            coordinates=rung == "coordinate",
        )

    def _table(
        self, blocks: Sequence[Block], new: Mapping[nn.Parameter, Tensor], before: _Before, gradients: Gradients
    ) -> Table:
        table = self._sums(blocks, new, before, gradients)
        share = self._share([block.parameter for block in blocks])
        return table.on_host(*added_up([(table.values, share)], self.settings.group))

    def _measure(self, before: _Before, gradients: Gradients) -> tuple[Table, PartSums | None]:
        # Take all sums of the step, in one reduction and one transfer.
        new = {p: local(p) for p in before.old}
        table = self._sums(before.blocks, new, before, gradients)
        now_sq = torch.stack([dot(gradients[p], gradients[p]) for p in new])
        share = self._share(list(new))
        pieces = [
            (table.values, self._share([block.parameter for block in before.blocks])),
            (torch.stack([before.given_sq, now_sq], 1), share),
        ]
        if self._parts:
            self._parts.averaged(self.settings.group, self.settings.world)
            diagonal = optimizer_diagonal(self.optimizer)
            pieces.append((part_sums(self._parts, new, before.old, gradients, diagonal), share))
        values, given, *part_values = added_up(pieces, self.settings.group)
        scale = self._check_given(given, before)
        parts = as_part_sums(self._parts.names, part_values[0].sum(0), scale) if part_values else None
        return table.on_host(values).unscaled(scale), parts

    def _check_given(self, given: Tensor, before: _Before) -> float:
        # Find the factor still in the gradient, and refuse one that was overwritten.
        if before.gradients is not None:
            return before.scale
        for factor in (1.0, before.scale):  # Fused steps divide the scale out of the gradient itself.
            if torch.allclose(given[:, 0], given[:, 1] * factor**2, rtol=1e-4, atol=0, equal_nan=True):
                return before.scale / factor
        changed = ~torch.isclose(given[:, 0], given[:, 1], rtol=1e-4, atol=0, equal_nan=True)
        names = names_of(self.parameters, self._model)
        first = next(names[p] for p, bad in zip(before.old, changed.tolist(), strict=True) if bad)
        raise AntigradError(
            f"{type(self.optimizer).__name__}.step() changed the gradient of {first}",
            "the gradient it was given, after the step",
            "watch with copy_grad=True (one more copy of the gradients)",
        )

    def _row(self, before: _Before, table: Table) -> dict[str, Any]:
        broken = not_finite(table)
        moved, live = table.total("moved"), table.total("live")
        names = {block.parameter for block in before.blocks}
        row: dict[str, Any] = {
            "kind": "certificate",
            "step": self.step - 1,
            "optimizer": type(self.optimizer).__name__,
            "share": sum(p.numel() for p in names) / sum(p.numel() for p in self.parameters),
            "skipped": table.total("step_sq") == 0,
            "non_finite": broken,
            "independent": None,
            **NOTHING,
            "in_batch": dict(NOTHING),
            **dict.fromkeys(("overshoot", "drop_measured", "cos_disc", "held_out_loss", "wd_share")),
            "moved_fraction": moved / live if live else None,
        }
        if row["skipped"] or broken:
            return row
        decay = before.decay if before.decay.any() else None
        row["in_batch"] = certificate_figures(table, decay)
        if decay is not None:
            row["wd_share"] = decay_share(table, decay)
        if before.half is not None:
            row.update(self._half_figures(before, before.half))
        if before.held_out is not None:
            row.update(self._held_out_figures(before, *before.held_out))
        return row

    def _half_figures(self, before: _Before, half: tuple[Gradients, Gradients]) -> dict[str, Any]:
        # Certificate of the step one half would have made, against the gradient of the other.
        moved, gradients = half
        blocks = [block for block in before.blocks if block.parameter in moved]
        table = self._table(blocks, moved, before, gradients)
        return {} if not_finite(table) else {**certificate_figures(table), "independent": "split"}

    def _held_out_figures(self, before: _Before, loss: float, gradients: Gradients) -> dict[str, Any]:
        blocks = [block for block in before.blocks if block.parameter in gradients]
        if not blocks:
            raise InputValueError(
                "a held-out loss that reaches none of the watched parameters", "one of this model", "check held_out"
            )
        table = self._table(blocks, {p: local(p) for p in before.old}, before, gradients)
        if not_finite(table):
            return {"held_out_loss": loss}
        held_out = cast(Callable[[], Any], self.settings.held_out)
        drop = loss - loss_of(held_out, self.parameters, self._model)
        sums = (table.total("step_sq"), table.total("descent_sq"), table.total("dot"))
        measured = {"held_out_loss": loss, "drop_measured": drop, "cos_disc": math.cos(discrete_angle(*sums, drop))}
        figures = certificate_figures(table) if self.settings.independent == "held_out" else {}
        return {**measured, **figures, **({"independent": "held_out"} if figures else {})}

    def _part_figures(self, table: Table, sums: PartSums | None) -> dict[str, Any]:
        # Effects of the parts, and the weights of the down part at which all of them gain.
        figures: dict[str, Any] = {
            "effect": None,
            **dict.fromkeys(("down_weight", "lambda_lo", "lambda_hi", "safe_weight", "window_from", "interaction")),
        }
        if sums is None or not_finite(table):
            return figures
        figures["effect"] = dict(zip(sums.names, sums.effects.tolist(), strict=True))
        if "down" not in sums.names or table.total("step_sq") == 0:
            return figures
        whole = Certificate(table.total("step_sq"), table.total("descent_sq"), table.total("dot"))
        figures["window_from"], interaction = sums.interaction(whole)
        down = list(sums.names).index("down")
        found = weight_range(interaction, down)
        if found is not None:
            figures["lambda_lo"], figures["lambda_hi"] = found
        rest = [place for place in range(len(sums.names)) if place != down]
        figures["interaction"] = {
            "up_up": float(interaction[rest][:, rest].sum()),
            "up_down": float(interaction[rest, down].sum()),
            "down_down": float(interaction[down, down]),
        }
        return figures

    def _check_sum(self, table: Table, sums: PartSums, weight: float) -> None:
        # Refuses parts whose weighted sum points elsewhere than the gradient of the step. Their lengths may
        # differ: clipping by norm.
        if self.settings.rotate > 1 or self.settings.other_parts:
            return
        weights = torch.tensor([weight if name == "down" else 1.0 for name in sums.names], dtype=torch.float64)
        size_sq, along = float(weights @ sums.gram @ weights), float(weights @ sums.with_descent)
        descent_sq = table.total("descent_sq")
        if size_sq * descent_sq > 0 and along < PARTS_AGREE * math.sqrt(size_sq * descent_sq):
            raise InputValueError(
                f"parts whose sum has cosine {along / math.sqrt(size_sq * descent_sq):.3f} with the gradient of the step",
                f"at least {PARTS_AGREE}",
                "give the parts of the very loss that is trained, of every micro-batch, with the same weight; "
                "clip gradients by norm, not by value",
            )

    def _share(self, parameters: Sequence[nn.Parameter]) -> Tensor:
        return torch.tensor([1 / copies(p, self.settings.world) for p in parameters], dtype=torch.float64)

    def _decay(self, blocks: Sequence[Block]) -> Tensor:
        """Learning rate times decoupled weight decay of each block."""
        weights: dict[nn.Parameter, float] = {}
        for group in self.optimizer.param_groups:
            apart = self.settings.decoupled_decay
            if apart is None:
                apart = group.get("decoupled_weight_decay", isinstance(self.optimizer, DECOUPLED))
            weight = float(group.get("lr", 0.0)) * float(group.get("weight_decay", 0.0)) if apart else 0.0
            weights.update(dict.fromkeys(group["params"], weight))
        return torch.tensor([weights[block.parameter] for block in blocks], dtype=torch.float64)


def _loss_scale(optimizer: torch.optim.Optimizer) -> float:
    """Factor that a gradient scaler left for the optimizer to divide out of the gradients."""
    scale = getattr(optimizer, "grad_scale", None)
    return 1.0 if scale is None else float(scale)
