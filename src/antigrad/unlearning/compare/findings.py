"""What the rows of a comparison add up to: which methods come as near to retraining as retraining itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antigrad.attacks.interval import Estimate, mean_interval
from antigrad.core.page import Verdict
from antigrad.core.runs import RunFolder
from antigrad.unlearning.compare.rows import outcomes_of, values_of
from antigrad.unlearning.compare.settings import CompareConfig
from antigrad.unlearning.compare.work import ORIGINAL, RETRAIN, TWIN

GAP = "average_gap"
SPREAD = "aus"
BACK, SECONDS = "relearning", "cost(what=seconds)"
MODELS = (ORIGINAL, RETRAIN, TWIN)
QUESTION = "Which method comes nearest to retraining?"
CLOSE = 0.02
"""A difference of gaps up to this is small."""
ENOUGH = 3
"""Seeds below this say nothing on chance."""


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
    """Name methods whose gap to retraining is that of a second retraining.

    Args:
        gaps: Method and mean gap, `retrain` being measured against its twin.

    Returns:
        Methods, nearest first, whose difference from a second retraining may be 0 and is at most .02: with few seeds
        nothing is beyond chance, which makes nothing near. Empty where there is no second retraining.
    """
    if TWIN not in gaps:
        return []
    apart = {name: gap.gap(gaps[TWIN]) for name, gap in gaps.items() if name not in MODELS}
    return [name for name, one in apart.items() if one.low <= 0 and one.high <= CLOSE]


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


def verdict_of(run: RunFolder, config: CompareConfig) -> Verdict:
    """Say it: for each case the verdict in one sentence, and what to do.

    Args:
        run: The run.
        config: Its settings.

    Returns:
        What the page begins with.
    """
    text, advice = list[str](), list[str]()
    for split, spec in enumerate(config.split):
        gaps = means(run, split, GAP)
        if any(name not in MODELS for name in gaps):
            found, todo = judged(gaps, means(run, split, SECONDS), config.seeds)
            found += back_soon(gaps, steps_back(run, config, split))
            prefix = f"{spec}: " if len(config.split) > 1 else ""
            text.append(prefix + found)
            advice.append(prefix + todo)
    count = len(config.compared())
    sure = f"{count} method{'s' * (count > 1)}, {config.seeds} seed{'s' * (config.seeds > 1)}, {config.model}."
    unmeasured = f"Ask for it: --metrics {GAP}."
    return Verdict(QUESTION, " ".join(text) or "Not measured.", sure, " ".join(advice) or unmeasured)


def judged(gaps: Mapping[str, Estimate], seconds: Mapping[str, Estimate], seeds: int) -> tuple[str, str]:
    """Say who comes nearest to retraining, and what to do.

    Args:
        gaps: Method and mean gap, nearest first.
        seconds: Method and mean time; empty where it was not measured.
        seeds: Of each method.

    Returns:
        What came out, and what to do.
    """
    best, near = next(name for name in gaps if name not in MODELS), as_near(gaps)
    nearest = f"{best}, with an average gap of {gaps[best].value:.4f}"
    again = f" (retraining again: {gaps[TWIN].value:.4f})" if TWIN in gaps else ""
    if near:
        chosen = min(near, key=lambda name: seconds[name].value if name in seconds else 0.0)
        fastest = ", the fastest of them" if len(near) > 1 and chosen in seconds else ""
        return f"As near to retraining as a second retraining: {', '.join(near)}.", f"Use {chosen}{fastest}."
    if seeds < ENOUGH:
        text = f"Nearest to retraining: {nearest}{again}; so few seeds can't rule out chance."
        return text, "Run more seeds (--seeds 5)."
    if TWIN not in gaps:
        text = f"Nearest to retraining: {nearest}."
        return text, "Add --twin true to see by how much two retrained models differ."
    text = f"No method comes as near as a second retraining; nearest: {nearest}{again}."
    return text, "Retrain, or try other step sizes (--search 0.3,1,3)."


def steps_back(run: RunFolder, config: CompareConfig, split: int) -> dict[str, Estimate]:
    """Mean steps until forgotten samples are back.

    Args:
        run: The run.
        config: Its settings.
        split: Number of the split.

    Returns:
        Method and mean; empty where that was not measured.
    """
    measured = next((name for name in config.metrics if name.partition("(")[0] == BACK), None)
    return {} if measured is None else means(run, split, measured)


def back_soon(gaps: Mapping[str, Estimate], steps: Mapping[str, Estimate]) -> str:
    """Warn of methods near to retraining after which what was forgotten comes back soon.

    Args:
        gaps: Method and mean gap, nearest first.
        steps: Method and mean steps until forgotten samples are back.

    Returns:
        A sentence; empty where there is nothing to warn of.
    """
    asked = as_near(gaps) or [name for name in gaps if name not in MODELS][:1]
    again = steps[RETRAIN].value if RETRAIN in steps else 0.0
    soon = [f"{name} {steps[name].value:.0f}" for name in asked if name in steps and steps[name].value < again / 2]
    if not soon:
        return ""
    return (
        f" Not gone, though: steps until forgotten samples are back: {', '.join(soon)}; after retraining {again:.0f}."
    )


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
