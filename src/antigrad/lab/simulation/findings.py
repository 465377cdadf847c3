"""What the arms of a simulation add up to: the claims at equal steps and at equal reward."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.lab.bandit import Bandit
from antigrad.lab.evidence import Comparison, Tier
from antigrad.lab.gaps import lead, passage_gap
from antigrad.lab.simulation.claims import START, Claim, measure
from antigrad.lab.simulation.rows import values_at

_TIERS: dict[str, Tier] = {"mean_field": "mean-field", "sampled": "sampled", "dataset": "dataset"}


def comparisons(
    claims: Sequence[Claim], arms: Mapping[str, Mapping[str, Any]], bandit: Bandit, tier: str
) -> list[Comparison]:
    """Hold every claim against the arms.

    Args:
        claims: What is claimed.
        arms: Rows by objective as it was given.
        bandit: The world, for the start.
        tier: Of the simulation.

    Returns:
        One comparison a claim and place. Rewards at equal reward are compared by who gets there first.
    """
    some = next(iter(arms.values()))
    found: list[Comparison] = []
    for claim in claims:
        for spot in some["at"]:
            equal, place = spot["equal"], spot["place"]
            if claim.metric == "reward" and equal == "reward":
                if START in (claim.above, claim.below):
                    continue  # the start gets to no other reward than its own
                levels = [one["place"] for one in some["at"] if one["equal"] == "reward"]
                gaps = _first_there(arms[claim.above], arms[claim.below], levels.index(place), place, tier)
            else:
                above, below = (
                    [float(measure(claim.metric, bandit.reference, bandit))] * len(spot["values"][claim.metric])
                    if arm == START
                    else values_at(arms[arm], equal, place, claim.metric)
                    for arm in (claim.above, claim.below)
                )
                gaps = [a - b for a, b in zip(above, below, strict=True)]
            where = f"reward {place:.3g}" if equal == "reward" else f"step {place}"
            found.append(Comparison(claim.says, equal, where, gaps, _TIERS[tier], tier == "mean_field"))
    return found


def _first_there(
    above: Mapping[str, Any], below: Mapping[str, Any], number: int, level: float, tier: str
) -> list[float]:
    if tier == "mean_field":
        last = max(above["at_steps"][-1], below["at_steps"][-1]) + 1
        one, other = (
            (float(last), False) if row["passages"][number][0] is None else (float(row["passages"][number][0]), True)
            for row in (above, below)
        )
        return [passage_gap(one, other)]
    paths = [[_path(row["at_steps"], path) for path in row["paths"]] for row in (above, below)]
    return [lead(a, b, level) for a, b in zip(*paths, strict=True)]


def _path(steps: Sequence[int], rewards: Sequence[float | None]) -> dict[int, float]:
    # An arm that has stopped earns what it earned last.
    path: dict[int, float] = {}
    last = math.nan
    for step, reward in zip(steps, rewards, strict=True):
        last = last if reward is None or not math.isfinite(reward) else reward
        path[step] = last
    return path


def numbers(arms: Mapping[str, Mapping[str, Any]]) -> dict[str, float | int | None]:
    """Figures for the summary.

    Args:
        arms: Rows by objective as it was given.

    Returns:
        `METRIC/ARM@PLACE`, means over seeds; None where not every seed got there.
    """
    found: dict[str, float | int | None] = {}
    for row in arms.values():
        for spot in row["at"]:
            where = f"reward={spot['place']:.3g}" if spot["equal"] == "reward" else f"step={spot['place']}"
            for metric, values in spot["values"].items():
                whole = all(value is not None and math.isfinite(value) for value in values)
                found[f"{metric}/{row['label']}@{where}"] = sum(values) / len(values) if whole else None
    return found
