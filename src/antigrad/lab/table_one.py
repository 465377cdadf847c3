"""The algorithms of Table 1 of Tajwar et al. on the token and the line bandit, trained once for all studies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from antigrad.core.errors import InputValueError
from antigrad.lab.evidence import Comparison
from antigrad.lab.gaps import lead
from antigrad.lab.line_world import LineWorld
from antigrad.lab.objective import Objective
from antigrad.lab.objectives.best_of_n import BestOfN
from antigrad.lab.objectives.dpo import Dpo
from antigrad.lab.objectives.ipo import Ipo
from antigrad.lab.objectives.ppo import Ppo
from antigrad.lab.objectives.pref_ft import PrefFt
from antigrad.lab.objectives.reinforce import Reinforce
from antigrad.lab.objectives.rest import Rest
from antigrad.lab.objectives.rwr import Rwr
from antigrad.lab.stacked import Weights, World
from antigrad.lab.token_world import TokenWorld
from antigrad.lab.training import Arm, Score, train

NAMES = {70: "R1", 20: "R2"}
"""Centre of the reward, and what the studies call it: disjoint from the reference, overlapping with it."""
EVERY = 25
"""Gradient steps between evaluations."""
_RWR = Rwr(1.0, raw=True)
_ON_AND_OFF: tuple[tuple[Objective, int | None], ...] = (
    (PrefFt(), None),
    (BestOfN(), None),
    (_RWR, None),
    (Dpo(), None),
    (Ipo(), None),
    (BestOfN(), 1),
    (BestOfN(), 10),
    (BestOfN(), 50),
    (Rest(), 10),
    (_RWR, 1),
    (Reinforce(), 1),
    (Ppo(), 10),
    (Ppo(), 50),
    (Dpo(), 10),
    (Ipo(), 10),
    (Ipo(30.0), 10),
)
_OVERLAPPING: tuple[tuple[Objective, int | None], ...] = (
    (BestOfN(), None),
    (Ipo(), None),
    (BestOfN(), 10),
    (Ipo(), 10),
)


def name_of(centre: float) -> str:
    """What the studies call a reward.

    Args:
        centre: Of its peak.

    Returns:
        `R1`, `R2`, or where it peaks.

    Example:
        >>> name_of(70), name_of(50)
        ('R1', 'peak 50')
    """
    return NAMES.get(int(centre), f"peak {centre:g}")


def levels_of(levels: Mapping[Any, Any], centre: float) -> Any:
    """Rewards to be compared at, of one peak.

    Args:
        levels: Centre of a peak, and what is set for it.
        centre: Of the peak.

    Returns:
        What is set for it; if nothing is, what is set for the nearest.
    """
    return levels[min(levels, key=lambda known: abs(float(known) - centre))]


def arms(steps: int, centres: Sequence[int] = (70, 20)) -> list[Arm]:
    """The twenty arms: sixteen where the peak is away from the reference, four where it overlaps.

    Args:
        steps: Gradient steps of each.
        centres: Of the reward of the sixteen, then of the four; more have four each.

    Returns:
        The arms.

    Source: Tajwar et al. 2024, arXiv 2404.14367, Table 1, with on-policy DPO and IPO added. Binary FeedMe on fixed data
        is Pref-FT.

    Example:
        >>> len(arms(100))
        20
    """
    first, *others = centres
    away = [Arm(objective, first, reuse, steps) for objective, reuse in _ON_AND_OFF]
    return away + [Arm(objective, centre, reuse, steps) for centre in others for objective, reuse in _OVERLAPPING]


def make_world(kind: str) -> World:
    """Make a world by its name.

    Args:
        kind: `token`, `token_unshifted` (the slip of the released code) or `line`.

    Returns:
        The world.

    Raises:
        InputValueError: There is no such world.
    """
    if kind not in ("token", "token_unshifted", "line"):
        raise InputValueError(f"world {kind!r}", "token, token_unshifted or line", "token is the paper's main one")
    return LineWorld() if kind == "line" else TokenWorld(shift=kind == "token")


def scores(
    kind: str, seeds: tuple[int, ...], steps: int, centres: tuple[int, ...] = (70, 20)
) -> list[tuple[Arm, Score]]:
    """Train the twenty arms, or take the scores from the last time in this process.

    Args:
        kind: Of the world.
        seeds: S seeds.
        steps: Gradient steps.
        centres: See `arms`.

    Returns:
        Arm and score, one per arm, seed and evaluation.
    """
    return _scores(kind, seeds, steps, centres)


@lru_cache(maxsize=8)
def _scores(kind: str, seeds: tuple[int, ...], steps: int, centres: tuple[int, ...]) -> list[tuple[Arm, Score]]:
    todo = arms(steps, centres)
    found = train(make_world(kind), todo, seeds, EVERY, reference=reference(kind, seeds))
    return [(todo[score.arm], score) for score in found]


@lru_cache(maxsize=8)
def reference(kind: str, seeds: tuple[int, ...]) -> Weights:
    """Make the reference of each seed, or take it from the last time; scoring does not change it.

    Args:
        kind: Of the world.
        seeds: S seeds.

    Returns:
        Weights of S networks.
    """
    if kind == "token_unshifted":
        return reference("token", seeds)
    return make_world(kind).start(list(seeds))[0]


def final(found: Sequence[tuple[Arm, Score]], name: str, centre: float, step: int | None = None) -> list[float]:
    """Rewards of one arm over seeds.

    Args:
        found: What `scores` gave.
        name: Name of the arm.
        centre: Of its reward.
        step: At this step; the last when None.

    Returns:
        One reward a seed.

    Raises:
        InputValueError: No such arm, or no evaluation at that step.
    """
    mine = [score for arm, score in found if arm.name == name and arm.centre == centre]
    last = max((score.step for score in mine), default=0) if step is None else step
    rewards = [score.reward for score in mine if score.step == last]
    if not rewards:
        known = sorted({arm.name for arm, _ in found})
        raise InputValueError(f"arm {name!r} with its peak at {centre:g}, step {last}", "one that ran", f"{known}")
    return rewards


def reached(found: Sequence[tuple[Arm, Score]], name: str, centre: float, level: float) -> int | None:
    """Find the first evaluation at which one arm's reward, the mean over seeds, is at a level.

    Args:
        found: What `scores` gave.
        name: Name of the arm.
        centre: Of its reward.
        level: The reward looked for.

    Returns:
        The step; None when it is not reached.
    """
    paths: dict[int, list[float]] = {}
    for arm, score in found:
        if arm.name == name and arm.centre == centre:
            paths.setdefault(score.step, []).append(score.reward)
    return next((step for step, rewards in sorted(paths.items()) if sum(rewards) / len(rewards) >= level), None)


def paths(found: Sequence[tuple[Arm, Score]], name: str, centre: float) -> list[dict[int, float]]:
    """Rewards of one arm along its training.

    Args:
        found: What `scores` gave.
        name: Name of the arm.
        centre: Of its reward.

    Returns:
        One mapping a seed: step and reward; none where that arm has not run.
    """
    seeds: dict[int, dict[int, float]] = {}
    for arm, score in found:
        if arm.name == name and arm.centre == centre:
            seeds.setdefault(score.seed, {})[score.step] = score.reward
    return [seeds[seed] for seed in sorted(seeds)]


def trained(
    found: Sequence[tuple[Arm, Score]], first: str, second: str, centre: float, levels: Sequence[float], note: str = ""
) -> list[Comparison]:
    """Compare two trained arms, seed by seed: rewards at the last step, and who gets to a reward first.

    Args:
        found: What `scores` gave.
        first: Name of the arm that the sentence has above.
        second: Name of the other.
        centre: Of their reward.
        levels: Rewards.
        note: Of the world, if there are several.

    Returns:
        A comparison at equal steps, and one at each level that a seed got to.
    """
    one, other = paths(found, first, centre), paths(found, second, centre)
    says = f"{first} above {second} on {name_of(centre)}{note}"
    pairs = list(zip(one, other, strict=False))
    last = max((max(path) for path in one), default=0)
    ends = [a.get(last, math.nan) - b.get(last, math.nan) for a, b in pairs]
    compared = [Comparison(says, "steps", f"step {last}", ends, "trained", exact=False)]
    for level in levels:
        gaps = [lead(a, b, level) for a, b in pairs]
        compared.append(Comparison(says, "reward", f"reward {level:g}", gaps, "trained", exact=False))
    return compared
