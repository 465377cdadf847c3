"""Log-ratio of the best and of the other training samples under offline IPO, by the number of prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antigrad.core.page import Section
from antigrad.lab.figures import lines
from antigrad.lab.objectives.ipo import Ipo
from antigrad.lab.study import Result, counted
from antigrad.lab.table_one import NAMES, make_world, reference
from antigrad.lab.training import Arm, train


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
    found = train(make_world("token"), arms, seeds, every=steps, shown=100, reference=reference("token", seeds))
    numbers: dict[str, float | int | None] = {}
    for place, arm in enumerate(arms):
        mine = [score for score in found if score.arm == place]
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
    if falls:
        says += " With many prompts even the best samples lose likelihood: the mass goes to responses never sampled."
    curves = {
        f"{name}, {kind}": (settings["prompts"], [numbers[f"{kind}/{name}/prompts={n}"] for n in settings["prompts"]])
        for name in ("R1", "R2")
        for kind in ("best", "others")
    }
    note = f"Offline IPO, margin {settings['margin']}, {settings['steps']} steps, {counted(len(settings['seeds']))}."
    sections: list[Section] = [
        lines("Log-ratio to the reference", curves, "prompts", "nats", note.replace("−", "-"), xaxis={"type": "log"})
    ]
    finding = "agrees" if falls and best["R1", few] > 0 and best["R2", few] > 0 else "mixed" if falls else "disagrees"
    return Result(finding, says, numbers, sections)
