"""PSR, NSR and their kin: one curve in expectation at different speeds, different noise in samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from antigrad.core.page import Section
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import compared, lines
from antigrad.lab.gaps import above
from antigrad.lab.groups import common_speed
from antigrad.lab.measures import effective_number, pass_at_k
from antigrad.lab.objective import Objective
from antigrad.lab.objectives.grpo import Grpo
from antigrad.lab.objectives.grpo_n import GrpoN
from antigrad.lab.objectives.grpo_p import GrpoP
from antigrad.lab.objectives.nsr import Nsr
from antigrad.lab.objectives.psr import Psr
from antigrad.lab.objectives.w_reinforce import WReinforce
from antigrad.lab.presets import correct_set, shared_prompts, three_token
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result, missing, settle, told
from antigrad.lab.trace import Trace, comparison


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `psr_nsr.yaml`.

    Returns:
        What was found.
    """
    pair = simulate(
        shared_prompts(settings["rho"]), [Psr(), Nsr()], settings["eta"], settings["steps"], group=settings["group"],
        keep=[settings["steps"]], levels=settings["levels"],
    )  # fmt: skip
    apart = float((pair.pi[0, 0] - pair.pi[0, 1]).abs().max())
    noise = {arm.label: update_noise(arm, settings) for arm in (Psr(), Nsr(), GrpoN(), Grpo())}
    numbers: dict[str, float | int | None] = {"mean_field/distance": apart}
    numbers |= {f"sampled/noise/{arm}": value for arm, value in noise.items()}
    good = settings["noise"]
    predicted = 2 * good["accuracy"] / good["correct"] / settings["group"]
    numbers["formula/noise/PSR"] = predicted
    same = apart < 1e-9
    says = (
        f"After {settings['steps']} steps of the mean field on 200 prompts with a shared direction the two policies "
        f"are {apart:.0e} apart{': in expectation they are one, because the expected score is 0' if same else ''}. "
        "One sampled update moves the log-ratio of two equally likely correct actions with variance "
        f"{told(noise['PSR'], '.5f')} η² under PSR (predicted {predicted:.5f}) and {told(noise['NSR'], '.0e')} η² "
        "under NSR. "
    )
    if same and noise["NSR"] < noise["PSR"]:
        says += "A difference can only come from luck in positive updates; study diversity says how far that goes."
    shown = settings["shown"]
    world = three_token((0.495, 0.01, 0.495), (1.0, 1.0, 0.0))
    arms: list[Objective] = [Psr(), Nsr(), WReinforce(), WReinforce(1.0), Grpo(), GrpoP(), GrpoN()]
    levels = shown["levels"]
    trace = simulate(world, arms, shown["eta"], shown["steps"], group=settings["group"])
    rows = comparison(trace, _ratio, levels=levels, steps=[shown["steps"] // 8, shown["steps"]])
    by_level = [[row.value for row in rows if row.at == "accuracy" and row.place == level] for level in levels]
    numbers["mean_field/matched_spread"] = max(
        (max(values) - min(values) for values in by_level if not missing(*values)), default=None
    )
    note = f"Mean-field, rewards (1, 1, 0), η = {shown['eta']:g}; a point that is missing was not reached. At equal "
    note += "accuracy the arms lie on each other, up to the size of a step."
    sections: list[Section] = [
        compared("One curve, different speeds: π(O) / π(H)", rows, "o / h", note),
        _speeds(settings),
    ]
    return settle(covered(pair, settings), says, numbers, sections)


MARGIN = 1e-6
"""What a sentence that says two arms differ has to be right by: exact arms that are one speak against it."""


def covered(pair: Trace, settings: Mapping[str, Any]) -> list[Comparison]:
    """What the sentence covers: pass@256 of the two in expectation, and diversity of drawn runs.

    Args:
        pair: PSR and NSR in the mean field.
        settings: Levels and steps, and the correct set of the drawn runs.

    Returns:
        The comparisons. Arms that have not moved settle nothing.
    """
    moved = float((pair.pi[-1] - pair.bandit.reference).abs().max()) > MARGIN

    def many(pi: Tensor) -> Tensor:
        return pass_at_k(pi, pair.bandit, 256)

    exact = above(pair, "NSR", "PSR", many, "pass@256 of NSR above PSR", levels=settings["levels"],
                  steps=[settings["steps"]])  # fmt: skip
    found = [replace(one, gaps=[gap - MARGIN if moved else math.nan for gap in one.gaps]) for one in exact]
    given = settings["drawn"]
    world = correct_set(given["actions"], given["correct"], given["accuracy"])
    trace = simulate(
        world, [Nsr(), Psr()], given["eta"], given["steps"], "sampled", group=settings["group"], seeds=given["seeds"],
        seed=given["seed"], levels=given["levels"], keep=[0, given["steps"] // 4, given["steps"]],
    )  # fmt: skip

    def number(pi: Tensor) -> Tensor:
        return effective_number(pi, world)

    return found + above(trace, "NSR", "PSR", number, "correct actions kept by NSR above PSR, drawn",
                         levels=given["levels"], steps=[given["steps"] // 4, given["steps"]])  # fmt: skip


def update_noise(arm: Objective, settings: Mapping[str, Any]) -> float:
    """Variance of the change of log-ratio of two equally likely correct actions by one update, in units of η².

    Args:
        arm: The objective.
        settings: With `noise` and `group`.

    Returns:
        The variance over seeds.
    """
    case = settings["noise"]
    world = correct_set(case["actions"], case["correct"], case["accuracy"])
    trace = simulate(world, arm, 1.0, 1, "sampled", group=settings["group"], seeds=case["seeds"], keep="end")
    moved = trace.z[0, 0, :, 0, :2] - world.reference[0, :2].log()
    return float((moved[:, 0] - moved[:, 1]).var()) if len(moved) > 1 else math.nan


def _ratio(pi: Tensor) -> Tensor:
    return pi[..., 0, 1] / pi[..., 0, 0]


def _speeds(settings: Mapping[str, Any]) -> Section:
    p = torch.linspace(0.005, 0.995, 100, dtype=torch.float64)
    curves = {f"GRPO, G = {group}": (p.tolist(), common_speed(p, group)) for group in settings["curve"]["groups"]}
    c = common_speed(p, settings["group"])
    curves |= {
        f"GRPO-N, G = {settings['group']}": (p.tolist(), p * c),
        f"GRPO-P, G = {settings['group']}": (p.tolist(), (1 - p) * c),
    }
    curves |= {"PSR, NSR": (p.tolist(), torch.ones_like(p)), "REINFORCE(±1)": (p.tolist(), torch.full_like(p, 2.0))}
    text = (
        "Mean-field. Speed c on the common curve E[Δz] = η c π (r − p) of 0/1 rewards. It weighs prompts by difficulty."
    )
    return lines("Speeds by accuracy", curves, "accuracy p", "speed c", text)
