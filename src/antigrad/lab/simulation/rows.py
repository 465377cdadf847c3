"""What a simulation keeps of each arm: its path of rewards, and every metric at equal steps and at equal reward."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from antigrad.lab.bandit import Bandit
from antigrad.lab.figures import thin
from antigrad.lab.simulation.claims import Claim, measure
from antigrad.lab.simulation.settings import SimulateConfig
from antigrad.lab.study import within
from antigrad.lab.trace import Trace

_MANY = 12
"""Actions above which only those that a claim names are measured one by one."""


def places(config: SimulateConfig, bandit: Bandit) -> tuple[list[float], list[int]]:
    """Rewards and steps at which arms are compared.

    Args:
        config: Levels and steps that were set.
        bandit: The world.

    Returns:
        Both, rising.
    """
    first = float((bandit.reference * bandit.rewards).sum(-1).mean())
    best = float(bandit.rewards.amax(-1).mean())
    levels = config.levels or [first + share * (best - first) for share in (0.5, 0.9)]
    return sorted(levels), within(config.equal_steps or [max(1, config.steps // 10)], config.steps)


def metrics(claims: Sequence[Claim], bandit: Bandit) -> list[str]:
    """What is measured.

    Args:
        claims: Their metrics are.
        bandit: With its number of actions.

    Returns:
        Names.
    """
    plain = ["reward", "entropy", "kl"]
    plain += [f"action {n}" for n in range(bandit.actions)] if bandit.actions <= _MANY else []
    return list(dict.fromkeys([*plain, *(claim.metric for claim in claims)]))


def row_of(trace: Trace, spec: str, config: SimulateConfig, claims: Sequence[Claim]) -> dict[str, Any]:
    """Keep one arm.

    Args:
        trace: Its simulation.
        spec: The objective as it was given.
        config: Levels and steps.
        claims: With their metrics.

    Returns:
        A row of the ledger.
    """
    levels, steps = places(config, trace.bandit)
    names, kept = metrics(claims, trace.bandit), set(trace.steps.tolist())
    at: list[dict[str, Any]] = []
    for equal, points in (("reward", levels), ("steps", steps)):
        for point in points:
            pi = trace.first(point)[1][0, 0] if equal == "reward" else None
            if equal == "steps" and point in kept:
                pi = trace.at(int(point))[0, 0]
            values = {name: _values(name, pi, trace.bandit, config.drawn) for name in names}
            at.append({"equal": equal, "place": point, "values": values})
    rewards = trace.accuracy[:, 0, 0]
    shown = thin(len(rewards))
    return {
        "kind": "arm",
        "arm": spec,
        "label": trace.arms[0],
        "steps": shown,
        "reward": rewards[shown].mean(-1).tolist(),
        "paths": rewards.T.tolist() if len(rewards) <= 5000 else rewards[shown].T.tolist(),
        "at_steps": list(range(len(rewards))) if len(rewards) <= 5000 else shown,
        "at": at,
        "passages": [[_passage(path, level) for path in rewards.T] for level in levels],
        "stopped": [event["step"] for event in trace.events],
    }


def _values(name: str, pi: Tensor | None, bandit: Bandit, seeds: int) -> list[float]:
    return [math.nan] * seeds if pi is None else measure(name, pi, bandit).tolist()


def _passage(path: Tensor, level: float) -> int | None:
    reached = (path >= level).nonzero()
    return int(reached[0]) if len(reached) else None


def values_at(row: Mapping[str, Any], equal: str, place: float, metric: str) -> list[float]:
    """Look a metric up.

    Args:
        row: Of an arm.
        equal: `reward` or `steps`.
        place: The level or step.
        metric: Its name.

    Returns:
        One figure a seed; NaN where it did not get there.
    """
    one = next(one for one in row["at"] if one["equal"] == equal and one["place"] == place)
    return [math.nan if value is None else value for value in one["values"][metric]]
