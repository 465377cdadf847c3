"""Gaps between two arms, seed by seed, at equal steps and at equal reward: what a verdict is made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from antigrad.lab.evidence import Comparison, Tier
from antigrad.lab.trace import Metric, Trace

Path = Mapping[int, float]
"""Reward of one seed by evaluation."""
_TIERS: dict[str, Tier] = {"mean_field": "mean-field", "sampled": "sampled", "dataset": "dataset"}


def at_places(
    trace: Trace,
    says: str,
    gap: Callable[[Tensor], Tensor],
    *,
    levels: Sequence[float] = (),
    steps: Sequence[int] = (),
) -> list[Comparison]:
    """Compare arms of one trace at levels of reward and at steps.

    Args:
        trace: The simulation.
        says: What the sentence expects.
        gap: From policies (A, S, X, V) of the first rate to (S) gaps, above 0 where the sentence is right.
        levels: Rewards; every arm is looked at where it first gets there.
        steps: Steps that were kept.

    Returns:
        One comparison a place.
    """
    places = [("reward", f"reward {level:g}", trace.first(level)[1]) for level in levels]
    kept = set(trace.steps.tolist())
    # A simulation whose arms have all stopped has no later steps: they were not reached.
    nowhere = torch.full_like(trace.z, torch.nan)
    places += [("steps", f"step {step}", trace.at(step) if step in kept else nowhere) for step in steps]
    tier = _TIERS[trace.tier]
    return [
        Comparison(says, "reward" if equal == "reward" else "steps", place, gap(pi[:, 0]).tolist(), tier, exact(trace))
        for equal, place, pi in places
    ]


def above(
    trace: Trace,
    first: str,
    second: str,
    metric: Metric,
    says: str,
    *,
    levels: Sequence[float] = (),
    steps: Sequence[int] = (),
) -> list[Comparison]:
    """Compare a metric of two arms of one trace.

    Args:
        trace: The simulation.
        first: Label of the arm that the sentence has above.
        second: Label of the other.
        metric: From policies (..., X, V) to figures (...).
        says: What the sentence expects.
        levels: Rewards.
        steps: Steps that were kept.

    Returns:
        One comparison a place.
    """
    one, other = trace.arms.index(first), trace.arms.index(second)
    return at_places(trace, says, lambda pi: metric(pi[one]) - metric(pi[other]), levels=levels, steps=steps)


def sooner(trace: Trace, first: str, second: str, says: str, levels: Sequence[float]) -> list[Comparison]:
    """Compare when two arms get to a reward.

    Args:
        trace: The simulation.
        first: Label of the arm that the sentence has first.
        second: Label of the other.
        says: What the sentence expects.
        levels: Rewards.

    Returns:
        One comparison a level: in an exact trace the steps between the two passages, one that never comes counted as
        the step after the last; in a drawn one see `lead`.
    """
    return sooner_of((trace, first), (trace, second), says, levels)


def sooner_of(one: tuple[Trace, str], other: tuple[Trace, str], says: str, levels: Sequence[float]) -> list[Comparison]:
    """Compare when two arms of two traces get to a reward.

    Args:
        one: A trace and the label of the arm that the sentence has first.
        other: The same of the second.
        says: What the sentence expects.
        levels: Rewards.

    Returns:
        One comparison a level, see `sooner`.
    """
    first, second = (trace.accuracy[:, trace.arms.index(arm), 0] for trace, arm in (one, other))
    found: list[Comparison] = []
    for level in levels:
        if exact(one[0]):
            gaps = [passage_gap(*(_passage(path[:, 0], level) for path in (first, second)))]
        else:
            paths = [[dict(enumerate(seed.tolist())) for seed in path.T] for path in (first, second)]
            gaps = [lead(a, b, level) for a, b in zip(*paths, strict=True)]
        found.append(Comparison(says, "reward", f"reward {level:g}", gaps, _TIERS[one[0].tier], exact(one[0])))
    return found


def exact(trace: Trace) -> bool:
    """Whether nothing was drawn.

    Args:
        trace: The simulation.

    Returns:
        True in the mean field.
    """
    return trace.tier == "mean_field"


def _passage(path: Tensor, level: float) -> tuple[float, bool]:
    # The step, and whether it came; the step after the last if not.
    reached = (path >= level).nonzero()
    return (float(reached[0]), True) if len(reached) else (float(len(path)), False)


def passage_gap(first: tuple[float, bool], second: tuple[float, bool]) -> float:
    """Steps by which one passage comes before another.

    Args:
        first: Step, and whether it came; if not, the step is the first that was not looked at.
        second: The same.

    Returns:
        The steps; NaN where neither came.

    Example:
        >>> passage_gap((10.0, True), (101.0, False)), passage_gap((101.0, False), (101.0, False))
        (91.0, nan)
    """
    return second[0] - first[0] if first[1] or second[1] else math.nan


def lead(first: Path, second: Path, level: float) -> float:
    """How far one path is ahead of another where the first of them gets to a reward.

    Steps between passages come in a few sizes only, which no t-test can read; this gap has the same sign.

    Args:
        first: Reward by step.
        second: The same steps.
        level: The reward.

    Returns:
        Reward of the first minus that of the second there; NaN where neither gets there.

    Example:
        >>> lead({1: 0.2, 2: 0.5}, {1: 0.2, 2: 0.3}, 0.5)
        0.2
    """
    step = next((step for step in sorted(first) if first[step] >= level or second[step] >= level), None)
    return math.nan if step is None else first[step] - second[step]
