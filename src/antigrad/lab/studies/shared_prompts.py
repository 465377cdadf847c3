"""pass@1 against pass@256 at matched accuracy when prompts share a logit direction."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from antigrad.core.page import Section
from antigrad.lab import OBJECTIVES
from antigrad.lab.figures import compared
from antigrad.lab.measures import pass_at_k
from antigrad.lab.objective import Objective
from antigrad.lab.objectives.grpo import Grpo
from antigrad.lab.objectives.grpo_n import GrpoN
from antigrad.lab.objectives.grpo_p import GrpoP
from antigrad.lab.objectives.psr import Psr
from antigrad.lab.presets import shared_prompts
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result
from antigrad.lab.trace import Row, comparison, matched

ARMS: tuple[Objective, ...] = (Psr(), Grpo(), GrpoP(), GrpoN())


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `shared_prompts.yaml`.

    Returns:
        What was found.
    """
    levels, most, level = settings["levels"], max(settings["attempts"]), 0.5
    numbers: dict[str, float | int | None] = {}
    given = settings["mean_field"]
    main: list[Row] = []
    for rho in (settings["rho"], *settings["others"]):
        world = shared_prompts(rho)
        trace = simulate(
            world, ARMS, given["eta"], given["steps"], group=settings["group"], levels=levels, stop=True,
            keep=[0, *given["equal_steps"]],
        )  # fmt: skip
        for k in settings["attempts"]:
            numbers[f"base/pass@{k}"] = float(pass_at_k(world.reference, world, k))
            for row in matched(trace, partial(pass_at_k, bandit=world, k=k), level):
                numbers[f"mean_field/pass@{k}/{row.arm}@rho={rho:g}"] = row.value
                numbers[f"mean_field/steps/{row.arm}@rho={rho:g}"] = row.step
        if not main:
            metric = partial(pass_at_k, bandit=world, k=most)
            main = comparison(trace, metric, levels=levels, steps=given["equal_steps"])
    base = numbers[f"base/pass@{most}"] or 0.0
    found = {arm.label: numbers[f"mean_field/pass@{most}/{arm.label}@rho={settings['rho']:g}"] or 0.0 for arm in ARMS}
    numbers |= sampled(settings, most, level)
    order = " > ".join(f"{arm} {value:.3f}" for arm, value in sorted(found.items(), key=lambda item: -item[1]))
    says = (
        f"With ρ = {settings['rho']:g} and at mean pass@1 of {level:g}, pass@{most} is {order}, from {base:.3f} of "
        "the base; NSR is PSR. In the mean field these come from the weights of difficulty alone: positives only "
        "favours hard prompts, negatives only the easy ones."
    )
    sections: list[Section] = [
        compared(
            f"pass@{most}", main, f"pass@{most}", f"Mean-field, ρ = {settings['rho']:g}; base {base:.3f}; NSR is PSR."
        ),
    ]
    backwards = found["GRPO-P"] > found["PSR"] > found["GRPO-N"]
    return Result("disagrees" if backwards else "agrees", says, numbers, sections)


def sampled(settings: Mapping[str, Any], most: int, level: float) -> dict[str, float | int | None]:
    """The same with drawn groups of some prompts a step.

    Args:
        settings: With `sampled`.
        most: k.
        level: Accuracy at which to compare.

    Returns:
        Mean, and range over seeds.
    """
    given, world = settings["sampled"], shared_prompts(settings["rho"])
    found: dict[str, float | int | None] = {}
    for denominator in given["denominators"]:
        specs = [
            f"{name}(denominator={denominator})" if name.startswith("grpo") else name
            for name in given["arms"]
            if denominator == "group" or name.startswith("grpo")
        ]
        trace = simulate(
            world, [OBJECTIVES.make(spec) for spec in specs], given["eta"], given["steps"], "sampled",
            group=settings["group"], seeds=given["seeds"], seed=given["seed"], prompts=given["prompts"],
            levels=[level], keep=[0], stop=True,
        )  # fmt: skip
        for row in matched(trace, partial(pass_at_k, bandit=world, k=most), level):
            key = f"sampled/pass@{most}/{row.arm}"
            found |= {key: row.value, f"{key}/low": row.low, f"{key}/high": row.high}
    return found
