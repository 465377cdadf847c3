"""What the rows of a preflight add up to: shares, means, rank overlaps. Pure functions of the ledger."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr

from antigrad.core.significance import signs

Row = Mapping[str, Any]


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error.

    Args:
        values: Any number of finite figures.

    Returns:
        Both; NaN where there are too few.

    Example:
        >>> mean_and_error([1.0, 3.0])
        (2.0, 1.0)
    """
    if not values:
        return math.nan, math.nan
    mean = float(np.mean(values))
    return mean, float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's rank correlation, ties sharing their mean rank.

    Args:
        first: n figures.
        second: n figures.

    Returns:
        From −1 to 1; NaN when one of them does not vary or n < 2.

    Example:
        >>> rank_correlation([1.0, 2.0, 3.0], [10.0, 30.0, 20.0])
        0.5
    """
    if len(first) < 2 or len(set(first)) == 1 or len(set(second)) == 1:
        return math.nan
    return round(float(cast(Any, spearmanr(first, second)).statistic), 12)


def rank_correlations(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's rank correlation row by row, all rows at once: resamples are many.

    Args:
        first: (R, n) figures.
        second: (R, n) figures.

    Returns:
        (R,) as `rank_correlation` of each row.

    Example:
        >>> rank_correlations(np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]]), np.array([[10.0, 30.0, 20.0]] * 2)).tolist()
        [0.5, nan]
    """
    ranks = [rankdata(values, axis=1) for values in (first, second)]
    a, b = (one - one.mean(1, keepdims=True) for one in ranks)
    norms = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return np.where(norms > 0, (a * b).sum(1) / np.where(norms > 0, norms, 1.0), np.nan).round(12)


def top_overlap(gwhes: Sequence[float], change: Sequence[float], count: int) -> float:
    r"""Share of the K questions with the highest GWHES that are among the K with the lowest Δ.

    Args:
        gwhes: n figures, one per question.
        change: n figures, Δ(x) of the same questions.
        count: K.

    Returns:
        From 0 to 1; K/n is expected of a random ranking.

    Source: Deng et al. 2025, arXiv 2505.18830, Tab. 1.

    Example:
        >>> top_overlap([3.0, 2.0, 1.0, 0.0], [-3.0, 5.0, -2.0, 4.0], 2)
        0.5
    """
    worst = set(np.argsort(-np.asarray(gwhes), kind="stable")[:count].tolist())
    lowest = set(np.argsort(np.asarray(change), kind="stable")[:count].tolist())
    return len(worst & lowest) / count


def arm_table(updates: Sequence[Row], baseline: str, epsilon: float) -> list[dict[str, Any]]:
    """One row per arm and step size: how many questions lost likelihood, and by how much.

    Args:
        updates: Rows of kind `update`.
        baseline: The arm others are compared with, question by question.
        epsilon: LLD is Δ(x) below this.

    Returns:
        Rows with share of LLD, means and standard errors over questions, and the paired difference
        of Δ(x) to the baseline with its standard error and its verdict: 1, −1, or 0 where it is
        indistinguishable from none (paired t, all arms of a step size together). Updates that failed
        are counted, not averaged; single answers count once however often they were sampled.
    """
    table: list[dict[str, Any]] = []
    for arm, size in dict.fromkeys((row["arm"], row["step_size"]) for row in updates):
        rows = [row for row in updates if (row["arm"], row["step_size"]) == (arm, size)]
        good = [row for row in rows if row["error"] is None]
        base = {
            row["question"]: row["delta_correct"]
            for row in updates
            if (row["arm"], row["step_size"]) == (baseline, size) and row["error"] is None
        }
        pairs = [row["delta_correct"] - base[row["question"]] for row in good if row["question"] in base]
        responses = [change for row in good for change in _single(row)]
        line: dict[str, Any] = {"arm": arm, "step_size": size, "questions": len(good), "failed": len(rows) - len(good)}
        line["lld_share"] = _share([row["delta_correct"] < epsilon for row in good])
        line["lld_response_share"] = _share([change < epsilon for change in responses])
        for name in ("delta_correct", "delta_wrong", "delta_greedy", "entropy_change"):
            line[name], line[f"{name}_se"] = mean_and_error([row[name] for row in good if row[name] is not None])
        line["against_baseline"], line["against_baseline_se"] = mean_and_error(pairs)
        line["better_than_baseline"] = sum(pair > 0 for pair in pairs)
        line["greedy_held_out"] = sum(row["delta_greedy"] is not None for row in good)
        line["weakened_share"] = _share_of(good, "weakened", "wrong_tokens")
        table.append(line | {"pairs": pairs})
    return _with_verdicts(table, baseline)


def _with_verdicts(table: list[dict[str, Any]], baseline: str) -> list[dict[str, Any]]:
    # One family a step size: the arms that are compared with the same baseline.
    for size in dict.fromkeys(line["step_size"] for line in table):
        lines = [line for line in table if line["step_size"] == size]
        found = signs({line["arm"]: line["pairs"] for line in lines if line["arm"] != baseline})
        for line in lines:
            line["verdict"] = found.get(line["arm"], 0)
            del line["pairs"]
    return table


def _single(row: Row) -> list[float]:
    """Take each correct answer of an update once: a group may hold many copies of one.

    Args:
        row: A row of kind `update`.

    Returns:
        Δ of each distinct correct answer, in nats.
    """
    return [change for change, copy in zip(row["deltas_correct"], row["copies"], strict=False) if not copy]


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else math.nan


def _share_of(rows: Sequence[Row], part: str, whole: str) -> float:
    total = sum(row[whole] for row in rows)
    return sum(row[part] for row in rows) / total if total else math.nan


def ranking(questions: Sequence[Row], updates: Sequence[Row], arm: str, size: float) -> dict[str, Any]:
    """Compare the ranking by GWHES with the ranking by Δ.

    Args:
        questions: Rows of kind `question` of mixed groups.
        updates: Rows of kind `update`.
        arm: Whose Δ to use.
        size: Step size.

    Returns:
        Overlap of the top K (K = a third, at least 1) with what chance gives, and rank correlations of
        −GWHES with Δ over questions and over distinct correct responses. NaN where too few.
    """
    change = {
        row["question"]: row
        for row in updates
        if (row["arm"], row["step_size"]) == (arm, size) and row["error"] is None
    }
    both = [(question, change[question["question"]]) for question in questions if question["question"] in change]
    gwhes = [float(np.mean(question["gwhes"])) for question, _ in both]
    delta = [row["delta_correct"] for _, row in both]
    single = [
        (value, change)
        for question, row in both
        for value, change, copy in zip(question["gwhes"], row["deltas_correct"], row["copies"], strict=True)
        if not copy
    ]
    count = max(1, round(len(both) / 3))
    enough = len(both) >= 3
    return {
        "questions": len(both),
        "top": count,
        "overlap": top_overlap(gwhes, delta, count) if enough else math.nan,
        "by_chance": count / len(both) if enough else math.nan,
        "rank_correlation": rank_correlation([-value for value in gwhes], delta),
        "rank_correlation_responses": rank_correlation([-value for value, _ in single], [value for _, value in single]),
    }
