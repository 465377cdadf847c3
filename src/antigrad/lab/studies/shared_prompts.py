"""pass@1 against pass@256 at matched accuracy when prompts share a logit direction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from antigrad.core.page import Section
from antigrad.lab import OBJECTIVES
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import compared, lines
from antigrad.lab.gaps import above, at_places
from antigrad.lab.measures import pass_at_k
from antigrad.lab.objective import Objective
from antigrad.lab.objectives.grpo import Grpo
from antigrad.lab.objectives.grpo_n import GrpoN
from antigrad.lab.objectives.grpo_p import GrpoP
from antigrad.lab.objectives.psr import Psr
from antigrad.lab.presets import shared_prompts
from antigrad.lab.simulate import simulate
from antigrad.lab.study import Result, counted, missing, settle, told, up_to
from antigrad.lab.trace import Metric, Row, Trace, comparison, matched

ARMS: tuple[Objective, ...] = (Psr(), Grpo(), GrpoP(), GrpoN())


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `shared_prompts.yaml`.

    Returns:
        What was found.
    """
    levels, most = settings["levels"], max(settings["attempts"])
    level = min(levels, key=lambda one: abs(one - 0.5))
    numbers: dict[str, float | int | None] = {}
    main: list[Row] = []
    read: list[Comparison] = []
    frontier: dict[str, Any] = {}
    given = _with_steps(settings["mean_field"])
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
            read += covered(trace, metric, levels, given["equal_steps"])
            main = comparison(trace, metric, levels=levels, steps=given["equal_steps"])
            start = world.reference.expand(1, 1, 1, *world.reference.shape)
            laws = {"base": start, **dict(zip(trace.arms, trace.first(level)[1][:, None], strict=True))}
            attempts = sorted({*(2**power for power in range(most.bit_length()) if 2**power <= most), most})
            for arm, pi in laws.items():
                frontier[arm] = (attempts, [float(pass_at_k(pi[0, 0, 0], world, k)) for k in attempts])
    base = numbers[f"base/pass@{most}"] or 0.0
    found = {arm.label: numbers[f"mean_field/pass@{most}/{arm.label}@rho={settings['rho']:g}"] for arm in ARMS}
    drawn, rows, sampled_read = sampled(settings, most, level)
    numbers |= drawn
    ranked = sorted(found.items(), key=lambda item: math.inf if missing(item[1]) else -(item[1] or 0.0))
    order = ", ".join(f"{arm} {told(value)}" for arm, value in ranked)
    says = (
        f"With ρ = {settings['rho']:g} and at mean pass@1 of {level:g}, pass@{most} is, from high to low, {order}; "
        f"{base:.3f} in the base; NSR is PSR. In the mean field these come from the weights of difficulty "
        "alone: positives only favours hard prompts, negatives only the easy ones."
    )
    sections: list[Section] = [
        compared(
            f"pass@{most}", main, f"pass@{most}", f"Mean-field, ρ = {settings['rho']:g}; base {base:.3f}; NSR is PSR."
        ),
        lines(
            f"pass@k at accuracy {level:g}",
            frontier,
            "attempts k",
            "pass@k",
            f"Mean-field, ρ = {settings['rho']:g}, at equal accuracy; the base is where all of them start.",
            xaxis={"type": "log"},
        ),
        compared(
            f"pass@{most}, drawn groups",
            rows,
            f"pass@{most}",
            f"Sampled, ρ = {settings['rho']:g}, {settings['sampled']['prompts']} prompts per step, "
            f"{counted(settings['sampled']['seeds'])}: mean and range.",
        ),
    ]
    return settle([*read, *sampled_read], says, numbers, sections)


def covered(trace: Trace, metric: Metric, levels: Sequence[float], steps: Sequence[int]) -> list[Comparison]:
    """What the sentence covers in one simulation: negatives only keeps more than positives only, which shrinks it.

    Args:
        trace: Some of PSR, NSR, GRPO and its halves.
        metric: pass@k.
        levels: Accuracies.
        steps: Steps.

    Returns:
        The comparisons that its arms allow.
    """
    base = float(metric(trace.bandit.reference))
    places: dict[str, Any] = {"levels": levels, "steps": steps}
    here = {label.removesuffix(" (kept)"): label for label in trace.arms}
    note = "" if trace.tier == "mean_field" else ", drawn" + (", kept" if "(kept)" in trace.arms[0] else "")
    found: list[Comparison] = []
    for less, more in (("GRPO-P", "GRPO-N"), ("PSR", "GRPO-N"), ("GRPO", "GRPO-N"), ("PSR", "NSR"), ("GRPO-P", "NSR")):
        if less in here and more in here:
            found += above(trace, here[more], here[less], metric, f"{more} above {less}{note}", **places)
    for arm, sign in (("PSR", -1), ("GRPO-P", -1), ("NSR", 1), ("GRPO-N", 1)):
        if arm in here:
            place = trace.arms.index(here[arm])

            def gap(pi: Tensor, place: int = place, sign: int = sign) -> Tensor:
                return sign * (metric(pi[place]) - base)

            what = "shrinks pass@k" if sign < 0 else "keeps all of pass@k"
            found += at_places(trace, f"{arm} {what}{note}", gap, **places)
    return found


def sampled(
    settings: Mapping[str, Any], most: int, level: float
) -> tuple[dict[str, float | int | None], list[Row], list[Comparison]]:
    """The same with drawn groups of some prompts per step.

    Args:
        settings: With `sampled`.
        most: k.
        level: Accuracy at which to compare.

    Returns:
        Mean, and range over seeds; the rows of a comparison; what the sentence covers.
    """
    given, world = _with_steps(settings["sampled"]), shared_prompts(settings["rho"])
    found, rows, read = dict[str, float | int | None](), list[Row](), list[Comparison]()
    for denominator in given["denominators"]:
        specs = [f"{name}(denominator={denominator})" for name in given["arms"]]
        trace = simulate(
            world, [OBJECTIVES.make(spec) for spec in specs], given["eta"], given["steps"], "sampled",
            group=settings["group"], seeds=given["seeds"], seed=given["seed"], prompts=given["prompts"],
            levels=settings["levels"], keep=[0, *given["equal_steps"]], stop=True,
        )  # fmt: skip
        metric = partial(pass_at_k, bandit=world, k=most)
        read += covered(trace, metric, settings["levels"], given["equal_steps"])
        rows += comparison(trace, metric, levels=settings["levels"], steps=given["equal_steps"])
        for row in matched(trace, metric, level):
            key = f"sampled/pass@{most}/{row.arm}"
            found |= {key: row.value, f"{key}/low": row.low, f"{key}/high": row.high, f"{key}/reached": row.reached}
    return found, rows, read


def _with_steps(given: Mapping[str, Any]) -> dict[str, Any]:
    # Steps beyond the last can't be compared at.
    return {**given, "equal_steps": up_to(given["equal_steps"], given["steps"])}
