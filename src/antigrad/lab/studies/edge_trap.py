"""On-policy ordinal objectives collapse onto the spike at the edge of the data law before they find the peak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.page import Section
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import compared, moving_law
from antigrad.lab.gaps import at_places
from antigrad.lab.measures import accuracy
from antigrad.lab.objective import Objective
from antigrad.lab.objectives.best_of_n import BestOfN
from antigrad.lab.objectives.dpo import Dpo
from antigrad.lab.objectives.ipo import Ipo
from antigrad.lab.objectives.kl_reward import KlReward
from antigrad.lab.objectives.npo import Npo
from antigrad.lab.objectives.pref_ft import PrefFt
from antigrad.lab.objectives.reinforce import Reinforce
from antigrad.lab.objectives.reverse_kl import ReverseKl
from antigrad.lab.objectives.slic import Slic
from antigrad.lab.presets import peak
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result, settle, told, within
from antigrad.lab.trace import Trace, comparison

ONLINE: tuple[Objective, ...] = (PrefFt(), Dpo(), BestOfN(), Reinforce(), KlReward(), ReverseKl())
OFFLINE: tuple[Objective, ...] = (Ipo(), Dpo(), Slic(10.0), Npo())
"""Those with a negative gradient; IPO takes a smaller step."""


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `edge_trap.yaml`.

    Returns:
        What was found.

    Raises:
        InputValueError: There is no such bin.
    """
    world, trap = peak([settings["centre"]]), settings["trap"]
    if not 0 <= trap < world.actions:
        raise InputValueError(f"trap={trap}", f"a bin from 0 to {world.actions - 1}", "99 is the study's")
    steps, levels = within(settings["keep"], settings["steps"]), settings["levels"]
    trace = simulate(world, ONLINE, 1.0, settings["steps"], keep=steps, levels=levels)
    fixed = simulate(
        world, OFFLINE, torch.tensor([[0.3 if isinstance(arm, Ipo) else 1.0] for arm in OFFLINE]), settings["steps"],
        law="offline", keep=steps, levels=levels,
    )  # fmt: skip
    numbers: dict[str, float | int | None] = {}
    for run_of, prefix in ((trace, ""), (fixed, "offline/")):
        for place, arm in enumerate(run_of.arms):
            for step, pi in zip(run_of.steps.tolist(), run_of.pi[:, place, 0, 0], strict=True):
                numbers[f"{prefix}trap/{arm}@step={step}"] = float(pi[0, trap])
                numbers[f"{prefix}reward/{arm}@step={step}"] = float(accuracy(pi, world))
    rows = comparison(trace, lambda pi: pi[..., 0, trap], levels=levels, steps=steps[1:] or steps)
    last = settings["steps"]
    worst = {arm: max(numbers[f"trap/{arm}@step={step}"] or 0.0 for step in steps) for arm in trace.arms}
    ends = {arm: numbers[f"reward/{arm}@step={settings['steps']}"] or 0.0 for arm in trace.arms}
    there = [f"{arm} {ends[arm]:.3f}" for arm in trace.arms if ends[arm] >= 0.5]
    lost = [f"{arm} {ends[arm]:.3f} (up to {worst[arm]:.3f} in the bin)" for arm in trace.arms if ends[arm] < 0.5]
    says = (
        f"Bin {trap} has reward {float(world.rewards[0, trap]):.4f} and mass {float(world.reference[0, trap]):.3f}. "
        f"On-policy after {settings['steps']} steps, reward of those that have found the peak: "
        f"{', '.join(there) or 'none'}; of those that have not: {', '.join(lost) or 'none'}. Offline: "
        + ", ".join(f"{arm} {told(numbers[f'offline/reward/{arm}@step={last}'])}" for arm in fixed.arms)
        + "."
    )
    note = "Mean-field, on-policy, R1, η = 1."
    laws = {arm: trace.pi[:, place, 0, 0, 0] for place, arm in enumerate(trace.arms)}
    sections: list[Section] = [
        moving_law("The law over actions", laws, trace.steps.tolist(), note),
        compared(f"Mass of bin {trap}", rows, "probability", note),
    ]
    compared_all = covered(trace, "on-policy", settings) + covered(fixed, "offline", settings)
    return settle(compared_all, says, numbers, sections)


def covered(trace: Trace, where: str, settings: Mapping[str, Any]) -> list[Comparison]:
    """What the sentence covers of one law: every arm finds the peak, and seeks no other mode on its way.

    Args:
        trace: The arms.
        where: Words for what they draw from.
        settings: Centre, trap, last step, levels.

    Returns:
        The comparisons: reward above one half at the last step; on the way more mass near the peak than in the trap.
    """
    world, trap, found = trace.bandit, settings["trap"], list[Comparison]()
    near = (torch.arange(world.actions) - settings["centre"]).abs() <= 10
    near[trap] = False
    for place, arm in enumerate(trace.arms):

        def high(pi: Tensor, place: int = place) -> Tensor:
            return accuracy(pi[place], world) - 0.5

        def seeks(pi: Tensor, place: int = place) -> Tensor:
            return (pi[place] * near).sum((-1, -2)) - pi[place][..., 0, trap]

        found += at_places(trace, f"{where} {arm} finds the peak", high, steps=[settings["steps"]])
        found += at_places(trace, f"{where} {arm} has more mass at the peak than in the bin", seeks,
                           levels=settings["levels"], steps=[settings["steps"]])  # fmt: skip
    return found
