"""What the rows of a preflight on pairs add up to. Pure functions of the ledger."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antigrad.posttraining.diagnose.findings import rank_correlation, rank_correlations
from antigrad.posttraining.probes.bootstrap import LEAST_WITH_SIGN, Estimate, Resamples

Row = Mapping[str, Any]
PREDICTORS = {
    "predicted": ("first order, all weights", -1),
    "head_change": ("first order, head only", -1),
    "cosine": ("cosine of the gradients", 1),
    "cosine_head": ("cosine on the head", 1),
    "ln_ches": ("ln-CHES", 1),
    "pvi": ("PVI", 0),
    "confidence": ("log-probability of the rejected, per token", 0),
}
"""Name, and the sign that theory gives its correlation with the fall of the chosen response; 0: theories differ."""

_AT_ONCE = 200_000
"""Figures that are drawn and ranked together."""


def by_arm(updates: Iterable[Row]) -> dict[str, dict[int, Row]]:
    """Sort updates.

    Args:
        updates: Rows of kind `update`.

    Returns:
        Arm, pair, row.
    """
    found: dict[str, dict[int, Row]] = {}
    for row in updates:
        found.setdefault(row["arm"], {})[row["pair"]] = row
    return found


def arm_row(arm: str, rows: Mapping[int, Row], plain: Mapping[int, Row], draws: Resamples) -> dict[str, Any]:
    """Sum up an arm.

    Args:
        arm: Its name.
        rows: Its updates by pair.
        plain: Those of plain DPO.
        draws: For intervals.

    Returns:
        Means over pairs with intervals; `gain` is the paired difference of the chosen response to plain DPO.
    """
    pairs = sorted(rows)
    chosen = [rows[pair]["changes"]["chosen"] for pair in pairs]
    rejected = [rows[pair]["changes"]["rejected"] for pair in pairs]
    gain = [rows[pair]["changes"]["chosen"] - plain[pair]["changes"]["chosen"] for pair in pairs]
    figures: dict[str, Any] = {"arm": arm, "factor": sum(rows[pair]["factor"] for pair in pairs) / len(pairs)}
    for name, values in (("chosen", chosen), ("rejected", rejected), ("gain", gain)):
        estimate = draws.ratio(values)
        figures |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    figures["displaced"] = sum(value < 0 for value in chosen) / len(chosen)
    for name in ("initial", "shuffled_chosen", "permuted_chosen", "random_sentence", "chosen_paraphrase"):
        values = [rows[pair]["changes"][name] for pair in pairs if name in rows[pair]["changes"]]
        figures[name] = sum(values) / len(values) if values else None
    shares = [rows[pair]["argmax_gain"] for pair in pairs if rows[pair]["argmax_gain"] is not None]
    figures["argmax_gain"] = sum(shares) / len(shares) if shares else None
    return figures


def predictor_rows(
    pairs: Sequence[Row], plain: Mapping[int, Row], *, seed: int, count: int = 1000
) -> list[dict[str, Any]]:
    """Compare each predictor with the measured fall of the chosen response under plain DPO.

    Args:
        pairs: Rows of kind `pair`.
        plain: Updates under plain DPO by pair.
        seed: Of the resamples.
        count: Resamples.

    Returns:
        Rank correlations with percentile intervals over pairs; NaN where they are too few, or all alike.
    """
    falls = np.array([-plain[row["pair"]]["changes"]["chosen"] for row in pairs])
    rows: list[dict[str, Any]] = []
    for name, (label, sign) in PREDICTORS.items():
        if any(row.get(name) is None for row in pairs):
            continue
        values = np.array([row[name] for row in pairs])
        again = _again(values, falls, seed=seed, count=count)
        known = again[~np.isnan(again)]
        ends = np.quantile(known, [0.025, 0.975]).tolist() if len(known) > 1 else [math.nan, math.nan]
        found = rank_correlation(values.tolist(), falls.tolist())
        expected = {1: "+", -1: "−", 0: "disputed"}[sign]
        rows.append(
            {"name": name, "predictor": label, "rho": found, "low": ends[0], "high": ends[1], "theory": expected}
        )
    return rows


def _again(first: NDArray[np.float64], second: NDArray[np.float64], *, seed: int, count: int) -> NDArray[np.float64]:
    # Rank correlations of resampled pairs, as many of them at once as fit in memory.
    rng, found = np.random.default_rng(seed), list[NDArray[np.float64]]()
    for done in range(0, count, once := max(1, _AT_ONCE // len(first))):
        drawn = rng.integers(0, len(first), (min(once, count - done), len(first)))
        found.append(rank_correlations(first[drawn], second[drawn]))
    return np.concatenate(found)


def order_verdict(found: Mapping[str, Mapping[int, Row]], draws: Resamples) -> tuple[str, dict[str, Estimate]]:
    """Say whether the order of factors matters, or only their mean.

    Args:
        found: Updates by arm and pair, those of the orders among them.
        draws: For intervals.

    Returns:
        A sentence, and PVI's order minus each other one: paired differences of the change of the chosen response.
    """
    first = found["order: PVI"]
    differences: dict[str, Estimate] = {}
    for arm, rows in found.items():
        name = arm.removeprefix("order: ")
        if arm.startswith("order: ") and name != "PVI":
            values = [first[pair]["changes"]["chosen"] - rows[pair]["changes"]["chosen"] for pair in sorted(first)]
            differences[name] = draws.ratio(values)
    apart = [name for name, estimate in differences.items() if estimate.sign]
    if len({row["factor"] for row in first.values()}) == 1:
        return "The rule gives all pairs the same factor: there is no order to test.", differences
    if len(first) < LEAST_WITH_SIGN:
        few = f"{len(first)} pairs are too few to say whether the order of the factors matters"
        return f"{few}: {LEAST_WITH_SIGN} or more are needed.", differences
    if not apart:
        text = (
            "On these pairs the order of the factors is indistinguishable from any other: what is left is their mean."
        )
        return text, differences
    parts = [f"{'better' if differences[name].sign > 0 else 'worse'} than {name}" for name in apart]
    rest = [name for name in differences if name not in apart]
    text = f"For the chosen response the order by PVI is {', '.join(parts)}"
    return f"{text}; indistinguishable from {', '.join(rest)}." if rest else f"{text}.", differences
