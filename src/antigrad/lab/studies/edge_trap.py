"""On-policy ordinal objectives collapse onto the spike at the edge of the data law before they find the peak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antigrad.core.page import Section
from antigrad.lab.figures import compared, moving_law
from antigrad.lab.measures import accuracy
from antigrad.lab.objective import Objective
from antigrad.lab.objectives.best_of_n import BestOfN
from antigrad.lab.objectives.dpo import Dpo
from antigrad.lab.objectives.pref_ft import PrefFt
from antigrad.lab.objectives.reinforce import Reinforce
from antigrad.lab.presets import peak
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result, missing
from antigrad.lab.trace import comparison


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `edge_trap.yaml`.

    Returns:
        What was found.
    """
    world, trap = peak([settings["centre"]]), settings["trap"]
    arms: list[Objective] = [PrefFt(), Dpo(), BestOfN(), Reinforce()]
    trace = simulate(world, arms, 1.0, settings["steps"], keep=settings["keep"], levels=settings["levels"])
    numbers: dict[str, float | int | None] = {}
    for place, arm in enumerate(trace.arms):
        for step, pi in zip(trace.steps.tolist(), trace.pi[:, place, 0, 0], strict=True):
            numbers[f"trap/{arm}@step={step}"] = float(pi[0, trap])
            numbers[f"reward/{arm}@step={step}"] = float(accuracy(pi, world))
    rows = comparison(trace, lambda pi: pi[..., 0, trap], levels=settings["levels"], steps=settings["keep"][1:])
    worst = {arm: max(numbers[f"trap/{arm}@step={step}"] or 0.0 for step in settings["keep"]) for arm in trace.arms}
    ends = {arm: numbers[f"reward/{arm}@step={settings['steps']}"] or 0.0 for arm in trace.arms}
    there = [f"{arm} {ends[arm]:.3f}" for arm in trace.arms if ends[arm] >= 0.5]
    lost = [f"{arm} {ends[arm]:.3f} (up to {worst[arm]:.3f} in the bin)" for arm in trace.arms if ends[arm] < 0.5]
    says = (
        f"Bin {trap} has reward {float(world.rewards[0, trap]):.4f} and mass {float(world.reference[0, trap]):.3f}. "
        f"On-policy after {settings['steps']} steps, reward of those that have found the peak: "
        f"{', '.join(there) or 'none'}; of those that have not: {', '.join(lost) or 'none'}."
    )
    note = "Mean-field, on-policy, R1, η = 1."
    laws = {arm: trace.pi[:, place, 0, 0, 0] for place, arm in enumerate(trace.arms)}
    sections: list[Section] = [
        moving_law("The law over actions", laws, trace.steps.tolist(), note),
        compared(f"Mass of bin {trap}", rows, "probability", note),
    ]
    if missing(*(numbers[f"reward/{arm}@step={settings['steps']}"] for arm in trace.arms)):
        return Result("open", says, numbers, sections)
    fails = [arm for arm in trace.arms if ends[arm] < 0.5]
    return Result(
        "mixed" if 0 < len(fails) < len(arms) else "disagrees" if fails else "agrees", says, numbers, sections
    )
