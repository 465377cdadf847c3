"""Best-of-N and PPO with one, ten and fifty gradient steps on each round of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antigrad.core.page import Column, Section, Table
from antigrad.lab.figures import bars, lines
from antigrad.lab.study import Result, counted, missing
from antigrad.lab.table_one import EVERY, final, reached, scores

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
        f"{reward[50, 'BoN10']:.3f} with 1, 10 and 50 steps a batch, PPO {reward[10, 'PPO']:.3f} and "
        f"{reward[50, 'PPO']:.3f} with 10 and 50 ({counted(len(token['seeds']))}). Ten steps a batch keep "
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
    if missing(*reward.values()):
        return Result("open", says, numbers, sections)
    # Fewer than three seeds, or seeds that differ, settle nothing.
    settled = count >= 3 and wins == count
    return Result("agrees" if hurts and settled else "mixed" if hurts else "disagrees", says, numbers, sections)
