"""Best-of-N with its sampling law brought up to date every k steps, and every objective online and offline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from antigrad.core.page import Section
from antigrad.lab.figures import bars, lines, thin
from antigrad.lab.objective import Objective
from antigrad.lab.objectives.best_of_n import BestOfN
from antigrad.lab.objectives.dpo import Dpo
from antigrad.lab.objectives.ipo import Ipo
from antigrad.lab.objectives.pref_ft import PrefFt
from antigrad.lab.objectives.reinforce import Reinforce
from antigrad.lab.objectives.reinforce_std import ReinforceStd
from antigrad.lab.objectives.rwr import Rwr
from antigrad.lab.presets import peak
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result
from antigrad.lab.table_one import NAMES


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `on_policy.yaml`.

    Returns:
        What was found.
    """
    numbers: dict[str, float | int | None] = {}
    sections: list[Section] = []
    world, at, periods = peak(settings["centres"]), settings["compare_at"], settings["periods"]
    sweep = simulate(
        world,
        [BestOfN(settings["n"])] * len(periods),
        1.0,
        settings["steps"],
        law=periods,
        keep=range(settings["steps"] + 1),
    )
    rewards = (sweep.pi[:, :, 0, 0] * world.rewards).sum(-1)  # (T, A, X)
    for prompt, centre in enumerate(settings["centres"]):
        name = NAMES[centre]
        for place, period in enumerate(periods):
            for step in settings["keep"]:
                numbers[f"bon/{name}/every={period},step={step}"] = float(rewards[step, place, prompt])
            for level in settings["levels"][centre]:
                over = rewards[:, place, prompt] >= level
                first = int(over.to(torch.uint8).argmax()) if bool(over.any()) else None
                numbers[f"bon/{name}/every={period},steps_to={level:g}"] = first
        steps = thin(len(rewards))
        curves = {f"every {period}": (steps, rewards[steps, place, prompt]) for place, period in enumerate(periods)}
        text = "Mean-field, η = 1. Equal accuracy is read along a horizontal, equal steps along a vertical."
        sections.append(
            lines(f"Best-of-{settings['n']}, {name}: law brought up to date", curves, "step", "reward", text)
        )
    numbers |= _both(settings)
    far, near = (
        (numbers[f"bon/{NAMES[c]}/every=1,step={at}"] or 0)
        - (numbers[f"bon/{NAMES[c]}/every={periods[-1]},step={at}"] or 0)
        for c in settings["centres"]
    )
    fresh, old = (numbers[f"bon/R1/every={period},step={at}"] for period in (periods[0], periods[-1]))
    where = [f"every {period}: {numbers[f'bon/R1/every={period},step={at}']:.3f}" for period in periods]
    says = (
        f"After {at} steps on R1 (peak away from the reference) Best-of-{settings['n']} reaches {'; '.join(where)}. "
        f"Fresh samples gain {far:.3f} there and {near:.3f} on R2, which overlaps. Along the way the gap is one of "
        f"time: reward {fresh:.3f} against {old:.3f} at equal steps, while the offline law has a ceiling below the "
        "peak."
    )
    sections.append(_figure(settings, numbers))
    return Result("agrees" if far > near > 0 else "disagrees", says, numbers, sections)


def _both(settings: Mapping[str, Any]) -> dict[str, float | int | None]:
    # Every objective online and offline, one token, at the steps kept.
    arms: list[Objective] = [
        PrefFt(),
        BestOfN(settings["n"]),
        Rwr(),
        Reinforce(),
        ReinforceStd(),
        Ipo(),
        Dpo(),
        Dpo(1.0),
    ]
    eta = torch.tensor([[0.3 if isinstance(arm, Ipo) else 1.0] for arm in arms], dtype=torch.float64)
    world = peak(settings["centres"])
    found: dict[str, float | int | None] = {}
    for law in ("online", "offline"):
        trace = simulate(world, arms, eta, settings["steps"], law=law, keep=settings["keep"])
        for place, arm in enumerate(trace.arms):
            for prompt, centre in enumerate(settings["centres"]):
                values = (trace.pi[:, place, 0, 0, prompt] * world.rewards[prompt]).sum(-1)
                for step, value in zip(trace.steps.tolist(), values.tolist(), strict=True):
                    found[f"{law}/{arm}@{NAMES[centre]},step={step}"] = value
    return found


def _figure(settings: Mapping[str, Any], numbers: Mapping[str, float | int | None]) -> Section:
    at = settings["compare_at"]
    arms = list(dict.fromkeys(key.split("/")[1].split("@")[0] for key in numbers if key.startswith("online/")))
    groups = {
        f"{NAMES[centre]} {law}": {arm: [numbers[f"{law}/{arm}@{NAMES[centre]},step={at}"] or 0.0] for arm in arms}
        for centre in settings["centres"]
        for law in ("offline", "online")
    }
    return bars(f"Reward after {at} steps", groups, "reward", "Mean-field, one token, η = 1 (IPO 0.3).")
