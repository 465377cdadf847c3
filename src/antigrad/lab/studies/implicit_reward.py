"""Log-ratio of the best and of the other training samples under offline IPO, by the number of prompts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Section
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import lines
from antigrad.lab.objectives.ipo import Ipo
from antigrad.lab.study import Result, counted, settle, told
from antigrad.lab.table_one import levels_of, make_world, name_of, reference
from antigrad.lab.training import Arm, Score, train


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `implicit_reward.yaml`.

    Returns:
        What was found.
    """
    arms = [
        Arm(Ipo(settings["margin"]), centre, None, settings["steps"], prompts)
        for centre in settings["centres"]
        for prompts in settings["prompts"]
    ]
    seeds, steps = tuple(settings["seeds"]), settings["steps"]
    found = train(make_world("token"), arms, seeds, settings["every"], 100, reference("token", seeds))
    numbers: dict[str, float | int | None] = {}
    equal: dict[str, list[float | None]] = {}
    read: list[Comparison] = []
    names = [name_of(centre) for centre in settings["centres"]]
    for place, arm in enumerate(arms):
        name_here = name_of(arm.centre)
        path = [score for score in found if score.arm == place]
        mine = [score for score in path if score.step == steps]
        level = levels_of(settings["levels"], arm.centre)
        read += covered(path, arm, level, settings["prompts"])
        for name, value in _at_reward(path, level).items():
            equal.setdefault(f"{name_here} at reward {level:g}, {name}", []).append(value)
            numbers[f"at_reward={level:g}/{name}/{name_here}/prompts={arm.prompts}"] = value
        key = f"{name_here}/prompts={arm.prompts}"
        for name, values in (("best", [s.best for s in mine]), ("others", [s.others for s in mine])):
            numbers |= {
                f"{name}/{key}": sum(values) / len(values),
                f"{name}/{key}/low": min(values),
                f"{name}/{key}/high": max(values),
            }
    few, many = settings["prompts"][0], settings["prompts"][-1]
    best = {(name, n): numbers[f"best/{name}/prompts={n}"] or 0.0 for name in names for n in (few, many)}
    falls = all(best[name, many] < 0 for name in names)
    apart = all(
        (numbers[f"best/{name}/prompts={n}"] or 0) > (numbers[f"others/{name}/prompts={n}"] or 0)
        for name in names
        for n in settings["prompts"]
    )
    of = {n: " and ".join(f"{best[name, n]:+.1f} on {name}" for name in names) for n in (few, many)}
    says = (
        f"With {few} prompts the mean log-ratio of the best samples in nats is {of[few]}, with {many} prompts "
        f"{of[many]} "
        f"({counted(len(seeds))}); the others are "
        f"{'below the best throughout' if apart else 'not always below the best'}."
    )
    for centre, name in zip(settings["centres"], names, strict=True):
        level = levels_of(settings["levels"], centre)
        same = {n: told(numbers[f"at_reward={level:g}/best/{name}/prompts={n}"], "+.1f") for n in (few, many)}
        says += (
            f" At equal reward, {level:g} on {name}, it is {same[few]} with {few} prompts and {same[many]} with {many}."
        )
    if falls:
        says += " With many prompts even the best samples lose likelihood: the mass goes to responses never sampled."
    curves = {
        f"{name}, {kind}": (settings["prompts"], [numbers[f"{kind}/{name}/prompts={n}"] for n in settings["prompts"]])
        for name in names
        for kind in ("best", "others")
    }
    note = "Trained transformer (token bandit), offline IPO, margin "
    note += f"{settings['margin']:g}, {counted(len(settings['seeds']))}"
    log = {"type": "log"}
    sections: list[Section] = [
        lines(
            "Log-ratio to the reference, equal steps", curves, "prompts", "nats", f"{note}, step {steps}.", xaxis=log
        ),
        lines(
            "Log-ratio to the reference, equal reward",
            {name: (settings["prompts"], values) for name, values in equal.items()},
            "prompts",
            "nats",
            f"{note}, at the first evaluation (every {settings['every']} steps) with that reward; a gap: not every "
            "seed got there.",
            xaxis=log,
        ),
    ]
    return settle(read, says, numbers, sections)


def covered(path: Sequence[Score], arm: Arm, level: float, prompts: Sequence[int]) -> list[Comparison]:
    """What the sentence covers of one arm: with few prompts the best rise and the others fall, with many both fall.

    Args:
        path: Scores of all seeds.
        arm: With its number of prompts.
        level: Reward to be compared at.
        prompts: All numbers of prompts: the first is few, the last is many, those between are not in the sentence.

    Returns:
        The comparisons: at the last step, and where each seed's reward first is at the level.
    """
    if arm.prompts not in (prompts[0], prompts[-1]):
        return []
    sign, word = (1, "rise") if arm.prompts == prompts[0] else (-1, "fall")
    last = max(score.step for score in path)
    places = [("steps", f"step {last}", [score for score in path if score.step == last])]
    places.append(("reward", f"reward {level:g}", list(_first(path, level).values())))
    found: list[Comparison] = []
    seeds = len({score.seed for score in path})
    for equal, place, there in places:
        # A seed that never gets to a reward leaves the rest a choice of lucky ones.
        gone = [math.nan] * (seeds - len(there))
        at = "reward" if equal == "reward" else "steps"
        for says, gaps in (
            (f"the best {word}", [sign * score.best for score in there]),
            ("the others fall", [-score.others for score in there]),
        ):
            where = f"{says} with {arm.prompts} prompts on {name_of(arm.centre)}"
            found.append(Comparison(where, at, place, gaps + gone, "trained", exact=False))
    return found


def _at_reward(path: Sequence[Score], level: float) -> dict[str, float | None]:
    # Log-ratios where each seed's reward first is at the level, means over seeds; None unless all get there.
    first = _first(path, level)
    if len(first) < len({score.seed for score in path}):
        return {"best": None, "others": None}
    there = list(first.values())
    return {name: sum(getattr(score, name) for score in there) / len(there) for name in ("best", "others")}


def _first(path: Sequence[Score], level: float) -> dict[int, Score]:
    # By seed, where its reward first is at the level.
    first: dict[int, Score] = {}
    for score in path:
        if score.reward >= level:
            first.setdefault(score.seed, score)
    return first
