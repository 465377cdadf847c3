"""What a gradient that did not make a step says of it, by where it comes from: next batch, other half, held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from antigrad.core.errors import InputValueError
from antigrad.geometry.evidence import Evidence, evidence
from antigrad.geometry.watch.given import loss_scale
from antigrad.geometry.watch.held_out import HeldOut, held_out_losses, sample_slopes
from antigrad.geometry.watch.pool import Pool, Products
from antigrad.geometry.watch.step import Pending, Step
from antigrad.geometry.watch.step_row import independent_figures, measured_figures
from antigrad.geometry.watch.summing import Summing
from antigrad.geometry.watch.watched import Gradients


def against_next(pending: Pending, gradients: Gradients, sums: Summing, pool: Pool, alone: Evidence | None) -> None:
    """Complete a row with the gradient of the batch after it, at the weights where the step ended.

    Args:
        pending: The row that waited, brought up to date.
        gradients: Of the next batch; empty if there was none.
        sums: Takes sums.
        pool: What the rows before it said.
        alone: What the micro-batches of that batch say by themselves.
    """
    row, step, scale = pending.row, pending.step, loss_scale(sums.optimizer)
    found = sums.against(step.blocks, step.old, gradients, step.decay, scale, pending.table)
    if found is None:
        return
    table, decay = found
    figures = independent_figures(table, decay, "lagged")
    if figures:
        products = Products.of(table)
        row |= figures | pool.add(row["step"], products, pending.own, at_end=True, alone=alone, of="micro-batches")
        row["overshoot"] = products.whole_dot < 0


def against_half(row: dict[str, Any], half: tuple[Gradients, Gradients], step: Step, sums: Summing, pool: Pool) -> None:
    """Complete a row with the step of one half of the batch and the gradient of the other.

    Args:
        row: The row, brought up to date.
        half: Step and gradient.
        step: The step that was applied.
        sums: Takes sums.
        pool: What the rows before it said.
    """
    moves, gradients = half
    found = sums.against(step.blocks, moves, gradients, step.decay, step.scale)
    figures = {} if found is None else independent_figures(*found, "split")
    if found is not None and figures:
        row |= figures | pool.add(row["step"], Products.of(found[0]), None, at_end=False)


def against_held_out(
    row: dict[str, Any],
    held_out: HeldOut,
    step: Step,
    sums: Summing,
    pool: Pool,
    parameters: Sequence[nn.Parameter],
    model: nn.Module | None,
) -> None:
    """Complete a row with a loss on data held out: before the step, after it, and its gradient.

    Args:
        row: The row, brought up to date.
        held_out: Losses and gradient before the step.
        step: The step.
        sums: Takes sums.
        pool: What the rows before it said.
        parameters: What is stepped.
        model: The model.

    Raises:
        InputValueError: The loss does not depend on what is watched.
    """
    settings = sums.settings
    if settings.held_out is None:
        return
    found = sums.against(step.blocks, step.old, held_out.gradients, step.decay)
    if found is None:
        raise InputValueError(
            "a held-out loss that reaches none of the watched parameters", "one of this model", "check held_out"
        )
    table, decay = found
    after = held_out_losses(settings.held_out, parameters, model)
    whole = settings.rotate == 1 and len(table.blocks) == len(step.blocks)
    row |= measured_figures(table, held_out.losses, after, whole=whole)
    figures = independent_figures(table, decay, "held_out") if settings.independent == "held_out" else {}
    if not figures:
        return
    alone = None
    if held_out.has_samples:
        slopes = sample_slopes(settings.held_out, model, step.old)
        # Where the model has no forward-mode derivatives, what each sample's loss did stands for its slope.
        values = held_out.losses - after if slopes is None or len(slopes) != len(after) else slopes
        alone = evidence(values) if bool(torch.isfinite(values).all()) else None
    row |= figures | pool.add(row["step"], Products.of(table), None, at_end=False, alone=alone, of="samples")
