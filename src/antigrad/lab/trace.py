"""What a simulation leaves behind, and the comparison of arms at equal accuracy and at equal steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.lab.bandit import Bandit

Metric = Callable[[Tensor], Tensor]
"""From policies (..., X, V) to one figure each, (...)."""


@dataclass(frozen=True)
class Trace:
    """Arms × rates × seeds over time. A arms, E rates, S seeds, T steps.

    Args:
        bandit: The world.
        arms: (A) labels.
        rates: (A, E) step sizes η.
        accuracy: (T + 1, A, E, S) mean reward over prompts before each step; NaN once an arm has stopped.
        steps: (N) steps at which the policy was kept, rising.
        pi: (N, A, E, S, X, V) policy at these steps; NaN where an arm had stopped before.
        z: (A, E, S, X, V) last finite logits.
        crossings: Level, and for each arm the first step with at least that accuracy (−1: never) and its policy then.
        stopped: (A, E, S) step whose update was not finite; −1 where none was.
        meta: Tier, objectives with all options, G, seeds and all else that decides the result.
    """

    bandit: Bandit
    arms: list[str]
    rates: Tensor
    accuracy: Tensor
    steps: Tensor
    pi: Tensor
    z: Tensor
    crossings: dict[float, tuple[Tensor, Tensor]]
    stopped: Tensor
    meta: dict[str, Any]

    @property
    def tier(self) -> str:
        """`mean_field`, `sampled` or `dataset`."""
        return self.meta["tier"]

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened to single arms: one row for each that became non-finite, with its step."""
        rows: list[dict[str, Any]] = []
        for a, e, s in (self.stopped >= 0).nonzero().tolist():
            what = {"arm": self.arms[a], "rate": float(self.rates[a, e]), "seed": s}
            rows.append(what | {"event": "non-finite", "step": int(self.stopped[a, e, s])})
        return rows

    def at(self, step: int) -> Tensor:
        """Policies at a step.

        Args:
            step: One of the steps that were kept.

        Returns:
            (A, E, S, X, V) probabilities.

        Raises:
            InputValueError: That step was not kept.
        """
        place = (self.steps == step).nonzero().flatten()
        if not len(place):
            raise InputValueError(f"step {step}", "a step that was kept", f"kept: {self.steps.tolist()[:20]}")
        return self.pi[int(place[0])]

    def first(self, level: float) -> tuple[Tensor, Tensor]:
        """First step with at least an accuracy, and the policy there; no interpolation.

        Args:
            level: Accuracy.

        Returns:
            (A, E, S) steps, −1 where never; (A, E, S, X, V) policies, NaN there.

        Raises:
            InputValueError: Neither was the level asked for nor every step kept.
        """
        if level in self.crossings:
            return self.crossings[level]
        if len(self.steps) != len(self.accuracy):
            raise InputValueError(
                f"accuracy level {level}", "a level of the simulation, or every step kept", "pass levels= or keep='all'"
            )
        reached = self.accuracy >= level
        steps = torch.where(reached.any(0), reached.to(torch.uint8).argmax(0), -1)
        index = steps.clamp(min=0)[None, ..., None, None].expand(1, *self.pi.shape[1:])
        return steps, torch.where(steps[..., None, None] >= 0, self.pi.gather(0, index)[0], torch.nan)


@dataclass(frozen=True)
class Row:
    """One arm at one place of a comparison.

    Args:
        arm: Its label.
        rate: η.
        tier: Of the simulation.
        at: `accuracy` or `steps`: what is equal in this comparison.
        place: The level of accuracy, or the step.
        value: Mean of the metric over the seeds that got there; NaN if none did.
        low: Smallest over seeds.
        high: Largest.
        reached: Seeds that got there.
        seeds: All of them.
        step: Mean step.
    """

    arm: str
    rate: float
    tier: str
    at: str
    place: float
    value: float
    low: float
    high: float
    reached: int
    seeds: int
    step: float


def matched(traces: Trace | Sequence[Trace], metric: Metric, level: float) -> list[Row]:
    """Value of a metric in each arm at the first step with at least an accuracy.

    Args:
        traces: One simulation or several.
        metric: From policies (..., X, V) to figures (...).
        level: Accuracy (mean reward).

    Returns:
        One row per arm and rate; NaN is "not reached", a result like any other.

    Example:
        >>> from antigrad.lab.objectives.psr import Psr
        >>> from antigrad.lab.presets import three_token
        >>> from antigrad.lab.simulate import simulate
        >>> trace = simulate(three_token((0.45, 0.1, 0.45), (1.0, 1.0, 0.0)), [Psr()], 0.5, 100)
        >>> row = matched(trace, lambda pi: pi[..., 0, 1] / pi[..., 0, 0], 0.9)[0]
        >>> round(row.value, 3), row.step
        (0.096, 14.0)
    """
    rows: list[Row] = []
    for trace in [traces] if isinstance(traces, Trace) else traces:
        steps, pi = trace.first(level)
        rows += _rows(trace, "accuracy", level, metric(pi), steps)
    return rows


def at_step(traces: Trace | Sequence[Trace], metric: Metric, step: int) -> list[Row]:
    """Value of a metric in each arm at the same step.

    Args:
        traces: One simulation or several, that all kept this step.
        metric: From policies (..., X, V) to figures (...).
        step: The step.

    Returns:
        One row per arm and rate.
    """
    rows: list[Row] = []
    for trace in [traces] if isinstance(traces, Trace) else traces:
        pi = trace.at(step)
        steps = torch.where(pi[..., 0, 0].isfinite(), step, -1)
        rows += _rows(trace, "steps", step, metric(pi), steps)
    return rows


def comparison(
    traces: Trace | Sequence[Trace], metric: Metric, *, levels: Sequence[float], steps: Sequence[int]
) -> list[Row]:
    """Compare arms at equal accuracy and at equal steps: what differs in only one of them is speed.

    Args:
        traces: One simulation or several.
        metric: From policies (..., X, V) to figures (...).
        levels: At least two levels of accuracy.
        steps: At least one step.

    Returns:
        Rows of both kinds.

    Raises:
        InputValueError: One of the two kinds is missing.
    """
    if len(levels) < 2 or not steps:
        raise InputValueError(
            f"levels {list(levels)}, steps {list(steps)}", "two levels and a step", "a comparison shows both"
        )
    rows = [row for level in levels for row in matched(traces, metric, level)]
    return rows + [row for step in steps for row in at_step(traces, metric, step)]


def _rows(trace: Trace, at: str, place: float, values: Tensor, steps: Tensor) -> list[Row]:
    rows: list[Row] = []
    for a, arm in enumerate(trace.arms):
        for e, rate in enumerate(trace.rates[a].tolist()):
            here = steps[a, e] >= 0
            got = values[a, e][here]
            figures = (got.mean(), got.min(), got.max()) if len(got) else (torch.tensor(torch.nan),) * 3
            step = float(steps[a, e][here].double().mean()) if len(got) else float("nan")
            value, low, high = (float(figure) for figure in figures)
            rows.append(Row(arm, rate, trace.tier, at, place, value, low, high, len(got), steps.shape[-1], step))
    return rows
