"""The ledger row of one step: what it was, what it did to the parts, what a held-out loss says of it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from antigrad.geometry.angle import Certificate
from antigrad.geometry.evidence import evidence
from antigrad.geometry.finite import discrete_angle
from antigrad.geometry.watch.part_sums import PartSums, weight_range
from antigrad.geometry.watch.row import NOTHING, UNTOLD, certificate_figures, decay_share, not_finite
from antigrad.geometry.watch.table import Table

PARTS_AGREE = 0.98
"""Least cosine of the summed parts with the gradient of the step."""


def step_row(table: Table, decay: Tensor, *, step: int, optimizer: str, share: float) -> dict[str, Any]:
    """Describe a step against the gradient that made it; the independent figures are still empty.

    Args:
        table: The sums of the step.
        decay: (L,) learning rate times decoupled weight decay of each block.
        step: Its number.
        optimizer: Name of the optimizer.
        share: Share of the parameters that was watched.

    Returns:
        The row. Of a step that moved nothing, or with sums that are not finite, it says so and no more.
    """
    moved, live = table.total("moved"), table.total("live")
    row: dict[str, Any] = {
        "kind": "certificate",
        "step": step,
        "optimizer": optimizer,
        "share": share,
        "skipped": table.total("step_sq") == 0,
        "non_finite": not_finite(table),
        "independent": None,
        **NOTHING,
        **UNTOLD,
        "in_batch": dict(NOTHING),
        **dict.fromkeys(("overshoot", "drop_measured", "drop_t", "cos_disc", "held_out_loss", "wd_share")),
        "moved_fraction": moved / live if live else None,
    }
    if row["skipped"] or row["non_finite"]:
        return row
    if table.total("descent_sq") > 0:
        row["in_batch"] = certificate_figures(table, decay if decay.any() else None)
    if decay.any():
        row["wd_share"] = decay_share(table, decay)
    return row


def independent_figures(table: Table, decay: Tensor, source: str) -> dict[str, Any]:
    """Figures of a step against a gradient that did not make it.

    Args:
        table: The sums.
        decay: (L,) learning rate times decoupled weight decay of each block.
        source: Where the gradient comes from.

    Returns:
        What the row is to be updated with, but for what recent rows say together; nothing if the gradient is
        not finite, or zero.
    """
    if not_finite(table) or table.total("descent_sq") == 0:
        return {}
    return {**certificate_figures(table, decay if decay.any() else None), "independent": source}


def measured_figures(table: Table, losses: Tensor, losses_after: Tensor, *, whole: bool) -> dict[str, Any]:
    """What held-out losses say of the whole finite step.

    Args:
        table: The sums of the step against the gradient of their mean.
        losses: (N,) before the step; N is 1 where the closure returns a scalar.
        losses_after: (N,) after it.
        whole: Whether all of the step is in the sums.

    Returns:
        `held_out_loss` before the step, `drop_measured`, its `drop_t` over the samples (None for a scalar), and
        `cos_disc`, the cosine in discrete time (None where a number is not finite, or where not all blocks are
        watched).
    """
    drops = (losses - losses_after).double()
    loss, drop = float(losses.double().mean()), float(drops.mean())
    figures: dict[str, Any] = {"held_out_loss": loss, "drop_measured": drop, "drop_t": None, "cos_disc": None}
    if math.isfinite(drop):
        figures["drop_t"] = evidence(drops).t
    sums = (table.total("step_sq"), table.total("descent_sq"), table.total("dot"))
    if whole and sums[0] > 0 and all(map(math.isfinite, (*sums, drop))):
        figures["cos_disc"] = math.cos(discrete_angle(*sums, drop))
    return figures


def part_figures(table: Table, sums: PartSums | None) -> dict[str, Any]:
    """Effects of the parts, and the weights of the down part at which all of them gain.

    Args:
        table: The sums of the step.
        sums: Those with the parts; None if there are none.

    Returns:
        `effect`, `lambda_lo`, `lambda_hi`, `window_from`, `interaction`; None where unknown.
    """
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
    source, interaction = sums.interaction(whole)
    if not torch.isfinite(interaction).all():
        return figures
    down = list(sums.names).index("down")
    rest = [place for place in range(len(sums.names)) if place != down]
    found = weight_range(interaction, down)
    if found is not None:
        figures["lambda_lo"], figures["lambda_hi"] = found
    figures["window_from"] = source
    figures["interaction"] = {  # Squares, but for rounding.
        "up_up": max(0.0, float(interaction[rest][:, rest].sum())),
        "up_down": float(interaction[rest, down].sum()),
        "down_down": max(0.0, float(interaction[down, down])),
    }
    return figures


def sum_disagrees(table: Table, sums: PartSums, weight: float) -> float | None:
    """Find parts whose weighted sum points elsewhere than the gradient of the step.

    Their lengths may differ: clipping by norm.

    Args:
        table: The sums of the step.
        sums: Those with the parts.
        weight: Weight of the down part in the step.

    Returns:
        The cosine, where it is below `PARTS_AGREE`; None where they agree.
    """
    weights = torch.tensor([weight if name == "down" else 1.0 for name in sums.names], dtype=torch.float64)
    size_sq, along = float(weights @ sums.gram @ weights), float(weights @ sums.with_descent)
    descent_sq = table.total("descent_sq")
    length = math.sqrt(size_sq) * math.sqrt(descent_sq)
    return along / length if length > 0 and along < PARTS_AGREE * length else None
