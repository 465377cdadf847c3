"""Ledger rows such as a watched training writes, with every gap and extreme the format allows."""

import math
import random
from typing import Any

MODULES = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)


def layer_names(layers: int) -> list[str]:
    """Names of a Llama of so many layers, in the order of the model."""
    inside = [f"model.layers.{layer}.{module}.weight" for layer in range(layers) for module in MODULES]
    return ["model.embed_tokens.weight", *inside, "model.norm.weight"]


def certificate_rows(steps: int = 40, layers: int = 4, *, seed: int = 0) -> list[dict[str, Any]]:
    """Rows in which the down part grows until the up part loses ground; layer 1's q_proj always goes against."""
    draw = random.Random(seed)
    names = layer_names(layers)
    rows: list[dict[str, Any]] = []
    for place in range(steps):
        against = "model.layers.1.self_attn.q_proj.weight"
        cosines: dict[str, float | None] = {name: draw.gauss(0.15, 0.08) for name in names} | {against: -0.2}
        cosines["model.norm.weight"] = None
        broken = place % 5 == 4
        low, high = (0.0, math.inf) if place % 9 == 0 else (0.3 + 0.01 * place, 1.6 - 0.02 * place)
        row = {"kind": "certificate", "step": 10 * (place + 1), "optimizer": "AdamW", "independent": "lagged"}
        row |= {"effective": "yes", "cos": 0.2 - 0.003 * place, "z": 9.0, "kappa": 90.0 + 5 * place, "scale": 1.0}
        row |= {"kappa_layer": math.inf if broken else 140.0 + 9 * place, "kappa_row": math.inf, "rho": 0.1}
        row |= {"granularity": "global" if broken else "layer", "worst": [[against, -0.2]], "block_cos": cosines}
        row |= {"blocks_against": 0.05, "step_share_against": 0.1, "drop_predicted": 1e-3, "overshoot": False}
        row |= {"in_batch": {"effective": "yes", "cos": 0.45, "z": 30.0, "kappa": 18.0, "kappa_layer": 22.0}}
        row |= {"effect": {"up": 2e-3 - 1e-4 * place, "down": 1e-3, "anchor": math.nan if place == 3 else 2e-4}}
        row |= {"down_weight": 1.0, "lambda_lo": low, "lambda_hi": high, "window_from": "optimizer"}
        row |= {"safe_weight": 0.7, "skipped": place == 7, "non_finite": [], "moved_fraction": 0.99}
        row |= {"alarms": ["the part 'up' lost ground in 3 logged steps"] if place > 23 else []}
        rows.append(row)
    return rows
