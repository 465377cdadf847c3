"""Findings of a preflight on pairs, by hand."""

import math
from typing import Any

import pytest

from antigrad.posttraining.diagnose.pairs.findings import arm_row, by_arm, order_verdict, predictor_rows
from antigrad.posttraining.diagnose.pairs.job import _spread
from antigrad.posttraining.probes.bootstrap import Resamples


def update(pair: int, arm: str, chosen: float, rejected: float = -1.0, factor: float = 1.0) -> dict[str, Any]:
    changes = {"chosen": chosen, "rejected": rejected, "initial": 0.5, "permuted_chosen": 2 * chosen}
    return {"pair": pair, "arm": arm, "factor": factor, "changes": changes, "argmax_gain": 0.25}


DRAWS = Resamples(4, count=500, level=0.95, seed=0)


def test_an_arm_is_compared_pair_by_pair() -> None:
    rows = [update(n, "none", value) for n, value in enumerate((-1.0, -2.0, 3.0, 4.0))]
    rows += [update(n, "vpo", value, -0.5, 0.5) for n, value in enumerate((0.0, -1.0, 4.0, 5.0))]
    found = by_arm(rows)
    row = arm_row("vpo", found["vpo"], found["none"], DRAWS)
    assert (row["chosen"], row["rejected"], row["factor"], row["displaced"]) == (2.0, -0.5, 0.5, 0.25)
    assert (row["gain"], row["gain_low"], row["gain_high"]) == (1.0, 1.0, 1.0)
    assert row["permuted_chosen"] == 4.0
    assert row["initial"] == 0.5 and row["argmax_gain"] == 0.25 and row["chosen_paraphrase"] is None


def test_predictors_are_correlated_with_the_fall() -> None:
    plain = {n: update(n, "none", -float(n)) for n in range(4)}
    pairs = [{"pair": n, "ln_ches": float(n), "predicted": -float(n), "cosine": 0.0, "pvi": None} for n in range(4)]
    rows = {row["name"]: row for row in predictor_rows(pairs, plain, seed=0)}
    assert rows["ln_ches"]["rho"] == 1.0 and rows["predicted"]["rho"] == -1.0
    assert rows["ln_ches"]["low"] == pytest.approx(1.0)
    assert math.isnan(rows["cosine"]["rho"]) and "pvi" not in rows
    assert (rows["ln_ches"]["theory"], rows["predicted"]["theory"]) == ("+", "−")


def orders(pvi: list[float], shuffled: list[float]) -> dict[str, dict[int, Any]]:
    rows = [update(n, "order: PVI", value, factor=0.1 * n) for n, value in enumerate(pvi)]
    rows += [update(n, "order: shuffled", value) for n, value in enumerate(shuffled)]
    return by_arm(rows)


@pytest.mark.parametrize(
    ("pvi", "shuffled", "says"),
    [
        ([1.0, 2.0, 3.0, 4.0] * 3, [0.0, 1.0, 2.0, 3.0] * 3, "better than shuffled"),
        ([0.0, 1.0, 2.0, 3.0] * 3, [1.0, 2.0, 3.0, 4.0] * 3, "worse than shuffled"),
        ([1.0, -1.0, 1.0, -1.0] * 3, [-1.0, 1.0, -1.0, 1.0] * 3, "indistinguishable from any other"),
        ([1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 3.0], "4 pairs are too few"),
    ],
)
def test_whether_the_order_matters(pvi: list[float], shuffled: list[float], says: str) -> None:
    draws = Resamples(len(pvi), count=500, level=0.95, seed=0)
    assert says in order_verdict(orders(pvi, shuffled), draws)[0]


def test_a_rule_without_an_order() -> None:
    rows = [update(n, f"order: {name}", float(n)) for name in ("PVI", "shuffled") for n in range(4)]
    assert "no order to test" in order_verdict(by_arm(rows), DRAWS)[0]


def test_pairs_are_spread_over_prompts() -> None:
    assert _spread(["a", "a", "a", "b", "b", "c"], 4) == [0, 1, 3, 5]
    assert _spread(["a", "a"], 9) == [0, 1]
