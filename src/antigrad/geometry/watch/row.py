"""From the sums of a step to what a ledger row says of it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from antigrad.geometry.angle import Certificate, sign_flip_z, verdict
from antigrad.geometry.blocks import block_bounds, finest
from antigrad.geometry.watch.table import Table

WORST = 3
"""How many blocks a row names."""
NOTHING: dict[str, Any] = {
    **dict.fromkeys(("effective", "cos", "z", "kappa", "scale", "rho", "kappa_layer", "granularity", "worst")),
    **dict.fromkeys(("blocks_against", "step_share_against", "drop_predicted", "cos_without_decay", "block_cos")),
}
UNTOLD: dict[str, Any] = {
    **dict.fromkeys(("t", "t_values", "t_of", "through", "t_through", "block_through", "against")),
    **dict.fromkeys(("share_against", "growth", "gradient_norm", "gradient_norm_before")),
}
"""What recent rows say together, where there are none."""
"""What `certificate_figures` gives when there is no such certificate."""


def certificate_figures(table: Table, decay: Tensor | None = None) -> dict[str, Any]:
    r"""Figures of the certificate of one step against one gradient.

    Args:
        table: The sums, on the CPU.
        decay: (L,) learning rate times decoupled weight decay of each block, if the optimizer has any.

    Returns:
        `effective` (yes, no, unresolved where rounding hides it) for this very gradient, `cos`, `z` (under random
        signs: too small a noise to judge by), `kappa`, `scale`, `rho`, `kappa_layer` and finer rungs,
        `granularity` (the finest that has a certificate), `worst` (names and cosines, noise included),
        `blocks_against` and `step_share_against` (blocks with g·y ≤ 0: their share, and theirs of
        |g|²), `drop_predicted` g·y, `cos_without_decay`, `block_cos`.

    Sign: `cos` > 0 and `drop_predicted` > 0 when the step goes down the loss.

    Source: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422; bounds, blocks and z derived here.

    Deviations: none.
    """
    whole = Certificate(table.total("step_sq"), table.total("descent_sq"), table.total("dot"))
    z = sign_flip_z(whole.dot, table.total("product_sq")) if "product_sq" in table.columns else None
    ladder = ladder_of(table, whole)
    layers = table.by_layer()
    step_sq, dots = layers["step_sq"], layers["dot"]
    cosines = dots / (step_sq * layers["descent_sq"]).sqrt()
    live = (step_sq > 0) | (layers["descent_sq"] > 0)
    against = live & (dots <= 0)
    names = [block.name for block in layers.blocks]
    shown = {
        name: float(cosine) if math.isfinite(cosine) else None for name, cosine in zip(names, cosines, strict=True)
    }
    worst = sorted((cosine, name) for name, cosine in shown.items() if cosine is not None)[:WORST]
    return {
        "effective": verdict(whole.cos, math.copysign(math.inf, whole.dot)),
        "cos": whole.cos,
        "z": z,
        "kappa": whole.kappa,
        "scale": whole.scale,
        "rho": whole.rho,
        **{f"kappa_{rung}": kappa for rung, kappa in ladder.items() if rung != "global"},
        "granularity": finest(ladder),
        "worst": [[name, cosine] for cosine, name in worst],
        "blocks_against": float(against.sum() / live.sum().clamp(min=1)),
        "step_share_against": float(step_sq[against].sum() / step_sq.sum()),
        "drop_predicted": whole.dot,
        "cos_without_decay": whole.cos if decay is None else without_decay(table, decay).cos,
        "block_cos": shown,
    }


def ladder_of(table: Table, whole: Certificate) -> dict[str, float]:
    """Least κ at each granularity that the table holds, coarse to fine.

    Args:
        table: The sums.
        whole: The certificate of all blocks together.

    Returns:
        Rung and κ: global, layer, then head, row, coordinate where known.
    """

    def least(sums: Tensor) -> float:
        return block_bounds(sums[0], sums[1], sums[2]).kappa

    def of(blocks: Table) -> Tensor:
        return torch.stack([blocks[name] for name in ("step_sq", "descent_sq", "dot")])

    layers = table.by_layer()
    rungs = {"global": whole.kappa, "layer": least(of(layers))}
    if layers is not table:
        rungs["head"] = least(of(table))
    if table.rows is not None:
        rungs["row"] = least(table.rows)
    if table.ratios is not None:
        low, high = float(table.ratios[:, 0].min()), float(table.ratios[:, 1].max())
        rungs["coordinate"] = high / low if low > 0 and high < math.inf else math.inf
    return rungs


def without_decay(table: Table, decay: Tensor) -> Certificate:
    """Certificate of the step with the decoupled weight decay −wθ taken out.

    Args:
        table: The sums, with those of θ.
        decay: (L,) w, learning rate times weight decay.

    Returns:
        The certificate of what is left.
    """
    step_sq = table["step_sq"] + 2 * decay * table["theta_dot_step"] + decay**2 * table["theta_sq"]
    dots = table["dot"] + decay * table["theta_dot_descent"]
    return Certificate(max(0.0, float(step_sq.sum())), table.total("descent_sq"), float(dots.sum()))


def decay_share(table: Table, decay: Tensor) -> float:
    """|wθ|² as a share of |g|²: how much of the step is weight decay.

    Args:
        table: The sums, with those of θ.
        decay: (L,) w, learning rate times weight decay.

    Returns:
        The share; above 1 where decay and gradient cancel.
    """
    return float((decay**2 * table["theta_sq"]).sum()) / table.total("step_sq")


def not_finite(table: Table) -> list[str]:
    """Name the blocks whose sums are not finite.

    Args:
        table: The sums.

    Returns:
        Names in order.
    """
    broken = ~torch.isfinite(table.values).all(1)
    return [block.name for block, bad in zip(table.blocks, broken.tolist(), strict=True) if bad]
