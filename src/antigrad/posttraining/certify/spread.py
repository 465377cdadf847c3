"""What the rows of a part say of the move one by one: are effect and drop distinguishable from chance?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from antigrad.core.progress import Task
from antigrad.geometry.angle import verdict
from antigrad.geometry.evidence import Evidence, normal_score
from antigrad.geometry.forward_mode import directional_derivatives, of_rows
from antigrad.posttraining.certify.data import Tokens
from antigrad.posttraining.certify.gradients import batches, row_losses
from antigrad.posttraining.certify.models import Move


def row_drops(move: Move, rows: Sequence[Tokens], sign: float, *, rows_at_once: int, bar: Task) -> list[float] | None:
    r"""First-order drop of the loss of each row by the move, by one forward-mode pass.

    $$d_r=-\nabla\mathcal L_r(\theta)\cdot\Delta$$

    Args:
        move: Both models; the one before on its device.
        rows: Rows in tokens.
        sign: σ of the part.
        rows_at_once: Rows a pass.
        bar: Advances with each pass.

    Returns:
        d_r summed over the tokens of each row, in the order of `batches`. None where an operation of the model has
        no forward-mode derivative.
    """
    model, device = move.before.model, move.before.device
    at = {name: old.detach() for name, (old, _) in move.moved.items()}
    along = {name: new.detach().to(device) - at[name] for name, (_, new) in move.moved.items()}
    found: list[float] | None = []
    for batch in batches(rows, rows_at_once):
        if found is not None:
            slopes = directional_derivatives(lambda held=batch: row_losses(model, held, device), model, at, along)
            found = None if slopes is None else [*found, *(-sign * slopes).tolist()]
        bar.advance()
    return found


def part_evidence(
    halves: Sequence[Mapping[str, Any]], ends: Sequence[Mapping[str, Any]], slopes: Sequence[Any]
) -> dict[str, Evidence | None]:
    """Weigh the rows of both halves of a part.

    Args:
        halves: Ledger rows `half` of its two halves.
        ends: Ledger rows `after`.
        slopes: Ledger rows `slope`.

    Returns:
        `effect` and `drop`: per token, with their errors; None where rows were not kept apart.
    """
    lengths = [length for half in halves for length in half.get("tokens_each") or []]
    found: dict[str, Evidence | None] = {"effect": None, "drop": None}
    tokens = torch.tensor(lengths, dtype=torch.float64)
    before, after = ([loss for row in rows for loss in row.get("each") or []] for rows in (halves, ends))
    drops = [drop for row in slopes for drop in row.get("each") or []]
    if lengths and len(before) == len(after) == len(lengths):
        values = torch.tensor(before, dtype=torch.float64) - torch.tensor(after, dtype=torch.float64)
        found["drop"] = of_rows(values, tokens)
    if lengths and len(drops) == len(lengths):
        found["effect"] = of_rows(torch.tensor(drops, dtype=torch.float64), tokens)
    return found


def summed(parts: Mapping[str, Evidence | None], weights: Mapping[str, float]) -> Evidence | None:
    """Weigh the sum of the parts, whose rows may belong to each other, as those of preference pairs do.

    Args:
        parts: What each part says.
        weights: Its weight in the sum.

    Returns:
        The sum, with the largest error that any dependence of the parts allows; None if a part says nothing.
    """
    known = {name: one for name, one in parts.items() if one is not None}
    if len(known) < len(parts) or any(one.t is None for one in known.values()):
        return None
    mean = sum(weights[name] * one.mean for name, one in known.items())
    error = sum(abs(weights[name]) * one.error for name, one in known.items())
    count = min(one.count for one in known.values())
    t = mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0
    return Evidence(mean, error, count, normal_score(t, count - 1))


def evidence_figures(cos: float, effect: Evidence | None, drop: Evidence | None) -> dict[str, Any]:
    """Put into figures what the rows say.

    Args:
        cos: Of the move and the negative gradient.
        effect: Of its first-order effect.
        drop: Of the measured drop.

    Returns:
        `effective`, `t`, `effect_error`, `drop_t`, `drop_error`.
    """
    return {
        "effective": verdict(cos, None if effect is None else effect.t),
        "t": None if effect is None else effect.t,
        "effect_error": None if effect is None or effect.t is None else effect.error,
        "drop_t": None if drop is None else drop.t,
        "drop_error": None if drop is None or drop.t is None else drop.error,
    }
