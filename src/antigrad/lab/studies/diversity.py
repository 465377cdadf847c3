"""How many correct actions survive, at matched accuracy, in the sampled tier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from antigrad.core.page import Section
from antigrad.lab.bandit import Bandit
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import compared, lines
from antigrad.lab.gaps import above, at_places
from antigrad.lab.measures import effective_number
from antigrad.lab.objective import Objective
from antigrad.lab.objectives.grpo import Grpo
from antigrad.lab.objectives.grpo_n import GrpoN
from antigrad.lab.objectives.grpo_p import GrpoP
from antigrad.lab.objectives.nsr import Nsr
from antigrad.lab.objectives.psr import Psr
from antigrad.lab.objectives.w_reinforce import WReinforce
from antigrad.lab.presets import correct_set, lognormal_prior
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result, counted, settle, told
from antigrad.lab.trace import Trace, comparison, matched

ARMS: tuple[Objective, ...] = (Psr(), Grpo(), GrpoP(), WReinforce(1.0), WReinforce(), Nsr(), GrpoN())
SWEPT: tuple[Objective, ...] = (Psr(), Grpo(), WReinforce(), Nsr())


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `diversity.yaml`.

    Returns:
        What was found.
    """
    numbers: dict[str, float | int | None] = {}
    sections: list[Section] = []
    read: list[Comparison] = []
    for prior in settings["priors"]:
        world, sigma, eta = world_of(settings, prior["sigma"]), prior["sigma"], prior["eta"]
        trace = follow(world, ARMS, eta, settings, settings["levels"], settings["steps"])

        def share(pi: Tensor, world: Bandit = world) -> Tensor:
            return effective_number(pi, world) / settings["correct"]

        steps = [step for step in settings["equal_steps"] if step in trace.steps]
        rows = comparison(trace, share, levels=settings["levels"], steps=steps)
        read += covered(trace, f"σ = {sigma:g}, η = {eta:g}", settings["levels"], steps)
        for row in rows:
            if row.at == "accuracy":
                numbers[f"kept/{row.arm}@sigma={sigma:g},eta={eta:g},p={row.place:g}"] = row.value
        note = f"Sampled, G = {settings['group']}, η = {eta:g}, {counted(settings['seeds'])}: mean and range."
        sections.append(
            compared(f"Correct actions kept, log-normal prior σ = {sigma:g}", rows, "effective share", note)
        )
    sweep, world = settings["sweep"], world_of(settings, 0.0)
    level = min({*settings["levels"]} & {*sweep["levels"]} or settings["levels"], key=lambda one: abs(one - 0.6))
    first = settings["priors"][0]["eta"]
    for eta in sweep["etas"]:
        trace = follow(world, SWEPT, eta, settings, sweep["levels"], sweep["steps"])
        steps = [step for step in settings["equal_steps"] if step in trace.steps]
        read += covered(trace, f"σ = 0, η = {eta:g}", sweep["levels"], steps)
        for target in sweep["levels"]:
            for row in matched(trace, lambda pi: effective_number(pi, world) / settings["correct"], target):
                numbers[f"kept/{row.arm}@sigma=0,eta={eta:g},p={target:g}"] = row.value
    etas = [first, *sweep["etas"]]
    kept = {arm: [numbers.get(f"kept/{arm}@sigma=0,eta={eta:g},p={level:g}") for eta in etas] for arm in ("PSR", "NSR")}
    sections.append(
        lines(
            f"Share kept at accuracy {level:g}, by the size of a step",
            {arm: (etas, values) for arm, values in kept.items()},
            "η",
            "effective share",
            f"Sampled, uniform correct set, {counted(settings['seeds'])}.",
            xaxis={"type": "log"},
        )
    )
    skewed = max(settings["priors"], key=lambda prior: prior["sigma"])
    last = {arm: numbers[f"kept/{arm}@sigma={skewed['sigma']:g},eta={skewed['eta']:g},p={level:g}"] for arm in kept}
    says = (
        f"At accuracy {level:g} NSR keeps of a uniform correct set {told(kept['NSR'][0], '.2f')} and PSR "
        f"{told(kept['PSR'][0])} at η = {first:g}; at η = {etas[-1]:g} PSR keeps {told(kept['PSR'][-1])}; with a "
        f"log-normal prior of σ = {skewed['sigma']:g} they keep {told(last['NSR'])} and {told(last['PSR'])}."
    )
    return settle(read, says, numbers, sections)


def covered(trace: Trace, where: str, levels: Sequence[float], steps: Sequence[int]) -> list[Comparison]:
    """What the sentence covers in one simulation: NSR keeps, PSR loses, and NSR keeps more.

    Args:
        trace: With both arms.
        where: Words for its prior and step size.
        levels: Rewards.
        steps: Steps.

    Returns:
        The comparisons; kept is more than half of the diversity at the start, lost is less.
    """
    world = trace.bandit
    half = float(effective_number(world.reference, world)) / 2
    nsr, psr = trace.arms.index("NSR"), trace.arms.index("PSR")

    def number(pi: Tensor) -> Tensor:
        return effective_number(pi, world)

    def keeps(pi: Tensor) -> Tensor:
        return (number(pi[nsr]) - half) / half

    def loses(pi: Tensor) -> Tensor:
        return (half - number(pi[psr])) / half

    found = above(trace, "NSR", "PSR", number, f"NSR keeps more than PSR, {where}", levels=levels, steps=steps)
    found += at_places(trace, f"NSR keeps half of what there was, {where}", keeps, levels=levels, steps=steps)
    # PSR loses on its way to an accuracy; after how many steps is a matter of speed, not of the sentence.
    return found + at_places(trace, f"PSR loses half of it, {where}", loses, levels=levels[-1:], steps=steps[-1:])


def world_of(settings: Mapping[str, Any], sigma: float) -> Bandit:
    """The bandit with a log-normal prior over its correct set.

    Args:
        settings: Sizes.
        sigma: σ.

    Returns:
        The bandit.
    """
    prior = lognormal_prior(settings["correct"], sigma)
    return correct_set(settings["actions"], settings["correct"], settings["accuracy"], prior)


def follow(
    world: Bandit,
    arms: Sequence[Objective],
    eta: float,
    settings: Mapping[str, Any],
    levels: Sequence[float],
    steps: int,
) -> Trace:
    """Sample until every arm has crossed the last level.

    Args:
        world: The bandit.
        arms: Objectives.
        eta: η.
        settings: Seeds, G.
        levels: Levels of accuracy.
        steps: Steps at most.

    Returns:
        The trace.
    """
    kept = sorted({0, *(step for step in settings["equal_steps"] if step <= steps)})
    return simulate(
        world, arms, eta, steps, "sampled", group=settings["group"], seeds=settings["seeds"], seed=settings["seed"],
        levels=levels, keep=kept, stop=True,
    )  # fmt: skip
