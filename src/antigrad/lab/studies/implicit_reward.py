"""Log-ratio of the best and of the other training samples under offline IPO, by the number of prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from antigrad.core.page import Section
from antigrad.lab.figures import lines
from antigrad.lab.objectives.ipo import Ipo
from antigrad.lab.study import Result, counted, missing, told
from antigrad.lab.table_one import NAMES, make_world, reference
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
    for place, arm in enumerate(arms):
        path = [score for score in found if score.arm == place]
        mine = [score for score in path if score.step == steps]
        level = settings["levels"][arm.centre]
        for name, value in _at_reward(path, level).items():
            equal.setdefault(f"{NAMES[int(arm.centre)]} at reward {level:g}, {name}", []).append(value)
            numbers[f"at_reward={level:g}/{name}/{NAMES[int(arm.centre)]}/prompts={arm.prompts}"] = value
        key = f"{NAMES[int(arm.centre)]}/prompts={arm.prompts}"
        for name, values in (("best", [s.best for s in mine]), ("others", [s.others for s in mine])):
            numbers |= {
                f"{name}/{key}": sum(values) / len(values),
                f"{name}/{key}/low": min(values),
                f"{name}/{key}/high": max(values),
            }
    few, many = settings["prompts"][0], settings["prompts"][-1]
    best = {(name, n): numbers[f"best/{name}/prompts={n}"] or 0.0 for name in ("R1", "R2") for n in (few, many)}
    falls = best["R1", many] < 0 and best["R2", many] < 0
    apart = all(
        (numbers[f"best/{name}/prompts={n}"] or 0) > (numbers[f"others/{name}/prompts={n}"] or 0)
        for name in ("R1", "R2")
        for n in settings["prompts"]
    )
    says = (
        f"With {few} prompts the mean log-ratio of the best samples is {best['R1', few]:+.1f} nats on R1 and "
        f"{best['R2', few]:+.1f} on R2, with {many} prompts {best['R1', many]:+.1f} and {best['R2', many]:+.1f} "
        f"({counted(len(seeds))}); the others are "
        f"{'below the best throughout' if apart else 'not always below the best'}."
    )
    level = {NAMES[int(centre)]: settings["levels"][centre] for centre in settings["centres"]}
    same = {n: told(numbers[f"at_reward={level['R1']:g}/best/R1/prompts={n}"], "+.1f") for n in (few, many)}
    says += f" Where reward {level['R1']:g} it is {same[few]} with {few} prompts and {same[many]} with "
    says += f"{many}: at equal reward, not at equal steps."
    if falls:
        says += " With many prompts even the best samples lose likelihood: the mass goes to responses never sampled."
    curves = {
        f"{name}, {kind}": (settings["prompts"], [numbers[f"{kind}/{name}/prompts={n}"] for n in settings["prompts"]])
        for name in ("R1", "R2")
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
    if missing(*best.values()):
        return Result("open", says, numbers, sections)
    finding = "agrees" if falls and best["R1", few] > 0 and best["R2", few] > 0 else "mixed" if falls else "disagrees"
    return Result(finding, says, numbers, sections)


def _at_reward(path: Sequence[Score], level: float) -> dict[str, float | None]:
    # Log-ratios where each seed's reward first is at the level, means over seeds; None unless all get there.
    first: dict[int, Score] = {}
    for score in path:
        if score.reward >= level:
            first.setdefault(score.seed, score)
    if len(first) < len({score.seed for score in path}):
        return {"best": None, "others": None}
    there = list(first.values())
    return {name: sum(getattr(score, name) for score in there) / len(there) for name in ("best", "others")}
