"""What a move did to each part of the data: certificates, noise, and the window of the down part's weight."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from antigrad.geometry.angle import Certificate
from antigrad.geometry.dots import dot
from antigrad.geometry.effects import least_kappa_interaction, safe_window
from antigrad.geometry.finite import discrete_angle
from antigrad.geometry.watch.measure import in_range, measure
from antigrad.geometry.watch.part_sums import weight_range
from antigrad.geometry.watch.row import certificate_figures
from antigrad.geometry.watch.table import Table
from antigrad.geometry.watch.watched import cut_into_blocks
from antigrad.posttraining.certify.gradients import Halves, streamed
from antigrad.posttraining.certify.models import Move

SUM = "sum"
"""Name of the sum of the parts, with the down part at its weight."""


@dataclass(frozen=True)
class Sums:
    """All that is taken from the gradients in one pass over the parameters.

    Args:
        tables: Of each part, and of their sum if there are several: the sums a certificate is made of.
        gram: (n, n) y_a·y_b.
        halves: Of each part (5,): y₁·y₂, |y₁|², |y₂|², Δ·y₁, Δ·y₂ of its two halves of the rows.
    """

    tables: Mapping[str, Table]
    gram: Tensor
    halves: Mapping[str, Tensor]


def take_sums(move: Move, parts: Mapping[str, Halves], weights: Mapping[str, float]) -> Sums:
    """Go once over the parameters that moved.

    Args:
        move: Both models, on the CPU.
        parts: Gradients of the parts at the model before.
        weights: Weight of each part in the sum.

    Returns:
        The sums.
    """
    labels = [*parts, *([SUM] if len(parts) > 1 else [])]
    tables: dict[str, list[Table]] = {label: [] for label in labels}
    gram = torch.zeros(len(parts), len(parts), dtype=torch.float64)
    noise = {part: torch.zeros(5, dtype=torch.float64) for part in parts}
    names = {old: name for name, (old, _) in move.moved.items()}
    blocks = cut_into_blocks(names, "coordinate", move.before.model)
    for name, halves in streamed(parts, list(move.moved)):
        old, new = move.moved[name]
        step = _wide(new) - _wide(old)
        whole = {part: parts[part].whole(*pair) for part, pair in halves.items()}
        slopes = list(whole.values())
        gram += torch.stack([torch.stack([dot(one, other) for other in slopes]) for one in slopes])
        for part, (one, two) in halves.items():
            pairs = ((one, two), (one, one), (two, two), (step, -one), (step, -two))
            noise[part] += torch.stack([dot(left, right) for left, right in pairs])
        if SUM in tables:
            whole[SUM] = torch.stack([weights[part] * whole[part] for part in parts]).sum(0)
        here = [block for block in blocks if block.parameter is old]
        for label, gradient in whole.items():
            sources = {old: step}, {old: gradient}
            table = measure(here, *sources, counts=True, rows=True, coordinates=True)
            tables[label].append(in_range(table, *sources))
    return Sums({label: _joined(pieces) for label, pieces in tables.items()}, gram, noise)


def part_figures(table: Table) -> dict[str, Any]:
    """Figures of the certificate of the move against one gradient.

    Args:
        table: Its sums.

    Returns:
        Those of a logged step (see `certificate_figures`), with ψ, the share of weights that moved, and
        for each layer its share of |Δ|² and the drop it brought.
    """
    layers = table.by_layer()
    whole = _certificate(table)
    share, drops = layers["step_sq"] / whole.step_sq, layers["dot"]
    names = [block.name for block in layers.blocks]
    return certificate_figures(table) | {
        "psi": whole.psi,
        "moved_fraction": table.total("moved") / max(1.0, table.total("live")),
        "step_sq": whole.step_sq,
        "descent_sq": whole.descent_sq,
        "layer_share": dict(zip(names, share.tolist(), strict=True)),
        "layer_drop": dict(zip(names, drops.tolist(), strict=True)),
    }


def noise_figures(halves: Tensor, descent_sq: float, step_sq: float) -> dict[str, Any]:
    r"""How much of a gradient is the choice of rows.

    $$|y|^2_{unb}=y_1\cdot y_2$$

    Args:
        halves: (5,) of a part, see `Sums`.
        descent_sq: |y|² over all rows.
        step_sq: |Δ|².

    Returns:
        `agreement` (cosine between the gradients of the halves), `descent_sq_unbiased`, `noise_share`
        of |y|², `cos_halves` (of the move with each half).

    Source: product of two independent batches; derived here.
    """
    cross, one, two, *drops = halves.tolist()
    sizes = [math.sqrt(size * step_sq) for size in (one, two)]
    return {
        "agreement": cross / math.sqrt(one * two) if one * two > 0 else math.nan,
        "descent_sq_unbiased": cross,
        "noise_share": 1 - cross / descent_sq if descent_sq > 0 else math.nan,
        "cos_halves": [drop / size if size > 0 else math.nan for drop, size in zip(drops, sizes, strict=True)],
    }


def finite_figures(table: Table, drop: float) -> dict[str, Any]:
    """What the whole move did, without any approximation.

    Args:
        table: Sums against the gradient before.
        drop: Loss before minus loss after, on the same rows.

    Returns:
        `drop_measured`, `psi_disc` and `cos_disc`.
    """
    whole = _certificate(table)
    angle = discrete_angle(whole.step_sq, whole.descent_sq, whole.dot, drop)
    return {"drop_measured": drop, "psi_disc": angle, "cos_disc": math.cos(angle)}


def window_figures(sums: Sums, names: Sequence[str], down_weight: float) -> dict[str, Any]:
    """Weights of the down part at which, to first order, every part would have gained.

    Args:
        sums: See `take_sums`.
        names: The parts, in the order of the Gram matrix.
        down_weight: Weight of the down part in the sum.

    Returns:
        `lambda_lo`, `lambda_hi` and `safe_weight`, their geometric mean (null where no weight serves
        all), `window_from`; all null unless there is a down part and another one.
    """
    figures: dict[str, Any] = {"lambda_lo": None, "lambda_hi": None, "safe_weight": None, "window_from": None}
    if SUM not in sums.tables or "down" not in names:
        return figures
    down = list(names).index("down")
    whole = _certificate(sums.tables[SUM])
    effects = torch.tensor([sums.tables[name].total("dot") for name in names], dtype=torch.float64)
    weights = torch.ones(len(names), dtype=torch.float64)
    weights[down] = down_weight
    source, weighted = "euclidean", sums.gram
    if whole.effective:
        source, weighted = "least_kappa", least_kappa_interaction(sums.gram, sums.gram @ weights, effects, whole)
    rest = [place for place in range(len(names)) if place != down]
    figures["window_from"] = source
    window = weight_range(weighted, down)
    if window is None:
        return figures
    low, high = window
    middle = math.sqrt(low * high)
    if low == 0 or high == math.inf:  # no mean: the down part as long as the rest, in the norm of the matrix
        size = max(0.0, float(weighted[rest][:, rest].sum()))
        middle = safe_window(size, float(weighted[rest, down].sum()), float(weighted[down, down])).balanced
    return figures | {"lambda_lo": low, "lambda_hi": high, "safe_weight": min(max(middle, low), high)}


def _certificate(table: Table) -> Certificate:
    return Certificate(table.total("step_sq"), table.total("descent_sq"), table.total("dot"))


def _wide(parameter: nn.Parameter) -> Tensor:
    # A difference of two half-precision numbers is not one: it is taken in single precision.
    return parameter.detach().to(torch.promote_types(parameter.dtype, torch.float32))


def _joined(pieces: Sequence[Table]) -> Table:
    first = pieces[0]
    rows = [piece.rows for piece in pieces if piece.rows is not None]
    ratios = [piece.ratios for piece in pieces if piece.ratios is not None]
    return replace(
        first,
        blocks=[block for piece in pieces for block in piece.blocks],
        values=torch.cat([piece.values for piece in pieces]),
        rows=torch.cat(rows, 1),
        ratios=torch.cat(ratios),
    )
