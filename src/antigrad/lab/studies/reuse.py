"""Best-of-N and PPO with one, ten and fifty gradient steps on each round of samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Column, Section, Table
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import bars, lines
from antigrad.lab.study import Result, counted, settle
from antigrad.lab.table_one import EVERY, final, paths, reached, scores
from antigrad.lab.training import Arm, Score

ARMS = ("BoN10", "PPO")
RUNS = ((1, "BoN10"), (10, "BoN10"), (50, "BoN10"), (10, "PPO"), (50, "PPO"))


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `reuse.yaml`.

    Returns:
        What was found.
    """
    token = settings["token"]
    found = scores("token", tuple(token["seeds"]), token["steps"])
    kept = [f"on-policy T={n} {arm}" for n, arm in RUNS]
    numbers: dict[str, float | int | None] = {}
    rows: list[dict[str, Any]] = []
    curves: dict[str, Any] = {}
    for name in kept:
        steps = sorted({score.step for arm, score in found if arm.name == name and arm.centre == 70})
        means = [sum(final(found, name, 70, step)) / len(token["seeds"]) for step in steps]
        curves[name.removeprefix("on-policy ")] = (steps, means)
        queries = max(score.queries for arm, score in found if arm.name == name and arm.centre == 70)
        numbers |= {f"reward/{name}": means[-1], f"queries/{name}": queries}
        row: dict[str, Any] = {"arm": name, "queries": queries, "reward": means[-1]}
        rows.append(row | {f"at_{level}": reached(found, name, 70, level) for level in settings["levels"]})
    reward = {(n, arm): numbers[f"reward/on-policy T={n} {arm}"] or 0.0 for n, arm in RUNS}
    kept_share = {arm: reward[50, arm] / max(reward[10, arm], 1e-9) for arm in ARMS}
    numbers |= {f"kept_at_50/{arm}": share for arm, share in kept_share.items()}
    by_seed = {
        arm: [
            late / max(early, 1e-9)
            for early, late in zip(*(final(found, f"on-policy T={n} {arm}", 70) for n in (10, 50)), strict=True)
        ]
        for arm in ARMS
    }
    count = len(token["seeds"])
    wins = sum(ppo > best for ppo, best in zip(by_seed["PPO"], by_seed["BoN10"], strict=True))
    numbers["ppo_keeps_more_seeds"] = wins
    hurts = reward[50, "BoN10"] < 0.5 * reward[10, "BoN10"]
    says = (
        f"After {token['steps']} steps Best-of-N earns {reward[1, 'BoN10']:.3f}, {reward[10, 'BoN10']:.3f} and "
        f"{reward[50, 'BoN10']:.3f} with 1, 10 and 50 steps per batch, PPO {reward[10, 'PPO']:.3f} and "
        f"{reward[50, 'PPO']:.3f} with 10 and 50 ({counted(len(token['seeds']))}). Ten steps per batch keep "
        f"{reward[10, 'BoN10'] / reward[1, 'BoN10']:.0%} of the reward with a tenth of the "
        f"queries{'; fifty hurt' if hurts else ''}. At fifty PPO keeps {kept_share['PPO']:.0%} of what it earns at "
        f"ten, Best-of-N {kept_share['BoN10']:.0%}: PPO keeps more in {wins} of {counted(count)}."
    )
    columns = [
        Column("arm", "arm"),
        Column("queries", "reward queries", "integer"),
        Column("reward", "reward", "number"),
    ]
    columns += [
        Column(f"at_{level}", f"steps to {level:g}", "integer", "empty: not reached") for level in settings["levels"]
    ]
    note = f"Trained transformer (token bandit), R1, {counted(len(token['seeds']))}, evaluated every {EVERY} steps."
    cells = {
        arm: {f"T = {n}": final(found, f"on-policy T={n} {arm}", 70) for n, owner in RUNS if owner == arm}
        for arm in ARMS
    }
    sections: list[Section] = [
        lines("Reward by gradient steps", curves, "gradient step", "reward", note),
        bars("Reward at the last step", cells, "reward", f"{note} Mean and range, at equal steps."),
        Table("Equal steps and equal accuracy", columns, rows, note),
    ]
    return settle(covered(found, settings["levels"]), says, numbers, sections)


HARMLESS = 0.9
"""Share of the reward that harmless reuse keeps, and that hurtful reuse does not."""


def covered(found: Sequence[tuple[Arm, Score]], levels: Sequence[float]) -> list[Comparison]:
    """What the sentence covers: ten steps are harmless, fifty hurt, and PPO keeps more of its reward than Best-of-N.

    Args:
        found: What `scores` gave.
        levels: Rewards.

    Returns:
        The comparisons over seeds: at the last step, and where the less reused arm gets to a reward.
    """
    of = {run: paths(found, f"on-policy T={run[0]} {run[1]}", 70) for run in RUNS}
    kept: dict[str, dict[str, list[float]]] = {}
    read: list[Comparison] = []
    places = [("steps", "the last step", None)] + [("reward", f"reward {level:g}", level) for level in levels]
    for equal, place, level in places:
        at = "reward" if equal == "reward" else "steps"

        def share(more: int, less: int, arm: str, level: float | None = level) -> list[float]:
            pairs = zip(of[more, arm], of[less, arm], strict=False)
            return [_share(a, b, level) for a, b in pairs]

        harmless = [one - HARMLESS for one in share(10, 1, "BoN10")]
        read.append(Comparison("Best-of-N: ten steps keep 90 % of the reward of one", at, place, harmless, "trained",
                               exact=False))  # fmt: skip
        for arm in ARMS:
            kept.setdefault(place, {})[arm] = share(50, 10, arm)
            hurts = [HARMLESS - one for one in kept[place][arm]]
            says = f"{arm}: fifty steps keep less than 90 % of the reward of ten"
            read.append(Comparison(says, at, place, hurts, "trained", exact=False))
        more = [a - b for a, b in zip(kept[place]["PPO"], kept[place]["BoN10"], strict=False)]
        says = "PPO keeps more at fifty steps than Best-of-N"
        read.append(Comparison(says, at, place, more, "trained", exact=False))
    return read


def _share(more: Mapping[int, float], less: Mapping[int, float], level: float | None) -> float:
    # Reward of the more reused arm over that of the less reused one, where that one first is at a level.
    step = max(less) if level is None else next((step for step in sorted(less) if less[step] >= level), None)
    return math.nan if step is None or not less[step] > 0 else more[step] / less[step]
