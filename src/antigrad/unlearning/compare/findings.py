"""What the rows of a comparison add up to: which methods come as near to retraining as retraining itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antigrad.attacks.interval import Estimate, mean_interval
from antigrad.core.runs import RunFolder
from antigrad.unlearning.compare.rows import outcomes_of, values_of
from antigrad.unlearning.compare.settings import CompareConfig
from antigrad.unlearning.compare.work import ORIGINAL, RETRAIN, TWIN

GAP = "average_gap"
SPREAD = "aus"


def means(run: RunFolder, split: int, figure: str) -> dict[str, Estimate]:
    """Mean of a figure over seeds, with Student's interval.

    Args:
        run: The run.
        split: Number of the split.
        figure: Its name.

    Returns:
        Method and mean, nearest to retraining first where the figure is the average gap.
    """
    found = {name: values_of(rows, figure) for name, rows in outcomes_of(run, split).items()}
    kept = {name: mean_interval(values) for name, values in found.items() if values}
    return dict(sorted(kept.items(), key=lambda pair: pair[1].value))


def as_near(gaps: Mapping[str, Estimate]) -> list[str]:
    """Name methods whose gap to retraining is not beyond that of a second retraining.

    Args:
        gaps: Method and mean gap, `retrain` being measured against its twin.

    Returns:
        Methods, nearest first; empty where there is no second retraining.
    """
    again = gaps.get(TWIN) or gaps.get(RETRAIN)
    if TWIN not in gaps or again is None:
        return []
    rest = {name: gap for name, gap in gaps.items() if name not in (ORIGINAL, RETRAIN, TWIN)}
    return [name for name, gap in rest.items() if gap.gap(again).low <= 0]


def separation(run: RunFolder, split: int) -> tuple[float, float] | None:
    """AUS of doing nothing, beside the best of all methods: does the score tell them apart.

    Args:
        run: The run.
        split: Number of the split.

    Returns:
        Both means; None where it was not measured.
    """
    found = means(run, split, SPREAD)
    rest = [one.value for name, one in found.items() if name not in (ORIGINAL, RETRAIN, TWIN)]
    return (found[ORIGINAL].value, max(rest)) if ORIGINAL in found and rest else None


def lead_of(run: RunFolder, config: CompareConfig) -> str:
    """Say it in a few sentences.

    Args:
        run: The run.
        config: Its settings.

    Returns:
        The lead of the page.
    """
    text = f"{len(config.compared())} methods, {config.seeds} seed{'s' * (config.seeds > 1)}, {config.model}."
    for split, spec in enumerate(config.split):
        gaps = means(run, split, GAP)
        rest = {name: gap for name, gap in gaps.items() if name not in (ORIGINAL, RETRAIN, TWIN)}
        if not rest:
            continue
        best, near = next(iter(rest)), as_near(gaps)
        text += f" {spec}: nearest to retraining is {best}, with an average gap of {rest[best].value:.4f}"
        text += f" (retraining again: {gaps[TWIN].value:.4f})." if TWIN in gaps else "."
        if near:
            text += f" Not beyond a second retraining: {', '.join(near)}."
        elif TWIN in gaps:
            text += " None is as near as a second retraining."
    return text


def summary_of(run: RunFolder, config: CompareConfig) -> dict[str, Any]:
    """Headline figures.

    Args:
        run: The run.
        config: Its settings.

    Returns:
        `SPLIT/METHOD/FIGURE`, a mean over seeds; with `/low` and `/high` its interval.
    """
    found: dict[str, Any] = {"methods": len(config.compared()), "seeds": config.seeds}
    for split, spec in enumerate(config.split):
        for figure in config.metrics:
            for name, one in means(run, split, figure).items():
                key = f"{spec}/{name}/{figure}"
                found |= {key: one.value, f"{key}/low": one.low, f"{key}/high": one.high}
    return found
