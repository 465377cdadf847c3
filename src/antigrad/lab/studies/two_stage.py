"""Two-stage dynamics on three tokens: boundaries, slopes and times, predicted and observed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.page import Column, Section, Table
from antigrad.lab.bandit import Bandit
from antigrad.lab.evidence import Comparison
from antigrad.lab.figures import lines, masses, simplex, thin
from antigrad.lab.gaps import at_places
from antigrad.lab.objectives.grpo import Grpo
from antigrad.lab.objectives.grpo_n import GrpoN
from antigrad.lab.objectives.grpo_p import GrpoP
from antigrad.lab.presets import three_token
from antigrad.lab.simulate import simulate
from antigrad.lab.stages import (
    H,
    L,
    O,
    Stages,
    boundary_ratios,
    exploration_time,
    explored_share,
    first_step,
    mean_advantages,
    stages,
)  # fmt: skip
from antigrad.lab.study import Result, counted, settle, told
from antigrad.lab.trace import Trace
from antigrad.objectives.grpo import Scale

NAMES = ("H explored", "O optimal", "L low")


def run(settings: Mapping[str, Any]) -> Result:
    """Compute the study.

    Args:
        settings: See `two_stage.yaml`.

    Returns:
        What was found.
    """
    main, group = settings["main"], settings["group"]
    world = three_token(main["start"], settings["rewards"])
    trace = simulate(world, [Grpo(), GrpoP(), GrpoN()], main["eta"], main["steps"], group=group)
    seen = stages(trace, k=settings["budget"])
    cases = [{"scale": "population", **main}, *settings["boundaries"]]
    rows = [boundary(case, settings["rewards"], group) for case in cases]
    slope = exploitation_slope(settings["slope"], settings["rewards"], group)
    times = exploration(settings["exploration"], settings["rewards"], group)
    numbers: dict[str, float | int | None] = {}
    for row in rows:
        key = f"{row['scale']}_h{row['start'][0]:g}"
        numbers |= {f"b1_step/{key}": row["b1_step"], f"b1_ratio/{key}": row["b1_ratio"]}
        numbers |= {f"b2_step/{key}": row["b2_step"], f"b2_ratio/{key}": row["b2_ratio"]}
    numbers |= {"slope_min": slope[0], "slope_max": slope[1]} | times
    for stage in seen:
        numbers |= {f"trough/{stage.arm}": stage.trough, f"fall/{stage.arm}": stage.fall}
        numbers |= {f"sign_change/{stage.arm}": stage.sign_change, f"overtakes/{stage.arm}": stage.overtakes}
    shares = explored_share(trace.pi[:, :, 0, 0], world, group)[..., 0]
    numbers |= {
        f"share_above_half/{arm}": first_step(path > 0.5) for arm, path in zip(trace.arms, shares.T, strict=True)
    }
    full, *_ = seen
    off = [abs(row["b1_ratio"] / row["b1_predicted"] - 1) for row in rows if row["b1_ratio"] is not None]
    staged = full.sign_change is not None and full.overtakes is not None
    moved, root = full.fall > 1.5, 0.4 < slope[0] <= slope[1] < 0.55
    says = (
        f"From (h, o, l) = {tuple(main['start'])} under GRPO π(O) falls "
        f"{told(full.fall, '.2f')}-fold, to its minimum at step "
        f"{full.trough}. Negative advantage of H: {told(full.sign_change, 'd', 'step ')}; more than half of the "
        f"positive advantage on other actions: {told(numbers['share_above_half/GRPO'], 'd', 'step ')}; O over H: "
        f"{told(full.overtakes, 'd', 'step ')}. "
        f"{'Both stages are there' if staged else 'No second stage is seen within these steps'}. The "
        f"probability of O {'does not stay' if moved else 'stays largely'} unchanged in the first one (what stays is "
        f"the expected logit of an action that is not sampled): ln π(O) falls with slope {slope[0]:.2f} to "
        f"{slope[1]:.2f} against ln π(L){', so π(O) goes as the root of π(L)' if root else ''}. The advantage changes "
        f"sign in {len(off)} of {counted(len(rows), 'case')}, where o / l differs from the prediction by "
        f"{told(max(off, default=None), '.1%', 'at most ')}. With l near 0 and O at "
        f"{settings['exploration']['o']:g}, O over H: {told(times['time/GRPO'], 'd', 'step ')}, by the formula step "
        f"{times['time_formula/GRPO']:.0f}."
    )
    paths = {arm: trace.pi[:, place, 0, 0, 0] for place, arm in enumerate(trace.arms)}
    marks: dict[str, dict[str, float]] = {}
    for stage in seen:
        # A smallest value at the last step is no trough: it may still fall.
        trough = stage.trough if stage.trough < stage.steps else None
        places = {"B2": trough, "B1": stage.sign_change, "1/k": stage.expansion}
        marks[stage.arm] = {name: step for name, step in places.items() if step}
    points = {mark: paths["GRPO"][int(step)] for mark, step in marks["GRPO"].items() if mark != "1/k"}
    note = f"Mean-field, G = {group}, η = {main['eta']:g}, advantages divided by the population deviation."
    sections: list[Section] = [
        masses("Mass over time", paths, NAMES, f"{note} B2: π(O) smallest; B1: advantage of H changes sign; 1/k: "
               f"π(O) reaches 1/{settings['budget']}.", marks),
        simplex("Paths on the simplex", paths, NAMES, f"{note} Boundaries are those of GRPO.", points),
        lines("Who gets the positive advantage", _curves(trace.arms, shares), "step", "share on other actions",
              f"{note} Share of the positive advantage on actions other than the likeliest: exploration above ½, B1 is "
              "where it gets there. A jump down: O has become the likeliest.", yaxis={"range": [0, 1.02]}),
        _table(rows),
    ]  # fmt: skip
    # Without an end of the first stage there is nothing to be said of a second one.
    return settle(covered(trace, seen, settings), says, numbers, sections, ready=staged)


UNCHANGED = 1.5
"""Factor by which a probability that stays largely unchanged may fall."""


def covered(trace: Trace, seen: Sequence[Stages], settings: Mapping[str, Any]) -> list[Comparison]:
    """What the sentence covers: O holds while exploitation lasts, then rises, and H falls.

    Args:
        trace: GRPO and its halves.
        seen: Their stages.
        settings: Levels of the first stage and of the second.

    Returns:
        The comparisons. The first stage ends at B1; what is earned by more than H alone is the second.
    """
    start, high = trace.bandit.reference[0], float(trace.bandit.rewards[0, H])
    best = float(trace.bandit.rewards[0, O])
    early = [high * share for share in (0.6, 0.8, 0.95)]
    late = [high + (best - high) * share for share in (0.25, 0.75)]
    found: list[Comparison] = []
    for place, stage in enumerate(seen):
        end = stage.sign_change

        def holds(pi: Tensor, place: int = place) -> Tensor:
            return torch.log(pi[place][:, 0, O] / start[O]) + math.log(UNCHANGED)

        def rises(pi: Tensor, place: int = place, low: float = float(start[O]) / stage.fall) -> Tensor:
            return torch.log(pi[place][:, 0, O] / low)

        highest = trace.pi[:, place, 0, 0, 0, H].max()

        def falls(pi: Tensor, place: int = place, highest: Tensor = highest) -> Tensor:
            return torch.log(highest / pi[place][:, 0, H])

        held, rise, fall = (f"{stage.arm}: {what}" for what in ("O holds in exploitation", "then O rises", "H falls"))
        if end is None:
            found.append(Comparison(rise, "steps", "no end of exploitation", [math.nan]))
        else:
            found += at_places(trace, held, holds, levels=early, steps=[end])
            found += at_places(trace, rise, rises, levels=late, steps=[stage.steps])
            found += at_places(trace, fall, falls, levels=late, steps=[stage.steps])
    return found


def _curves(arms: Sequence[str], paths: Tensor) -> dict[str, tuple[list[int], Tensor]]:
    steps = thin(len(paths))
    return {arm: (steps, paths[steps, place]) for place, arm in enumerate(arms)}


def boundary(case: Mapping[str, Any], rewards: list[float], group: int) -> dict[str, Any]:
    """Where the boundaries lie in one GRPO run, and where they were predicted.

    Args:
        case: Scale of the advantages, start, step size, steps.
        rewards: Of H, O, L.
        group: G.

    Returns:
        Steps and ratios o / l at B1 and B2, observed and predicted; None where a boundary was not seen.
    """
    world, scale = three_token(case["start"], rewards), case["scale"]
    pi = simulate(world, Grpo(scale=scale), case["eta"], case["steps"], group=group).pi[:, 0, 0, 0]
    ratio = pi[:, 0, O] / pi[:, 0, L]
    b1 = first_step(mean_advantages(pi, world, group, scale)[:, 0, H] < 0)
    b2 = int(pi[:, 0, O].argmin())
    predicted = boundary_ratios(world, scale)
    found: dict[str, Any] = {"scale": scale, "start": case["start"], "eta": case["eta"]}
    found |= {"b1_step": b1, "b1_ratio": None if b1 is None else float(ratio[b1]), "b1_predicted": predicted[0]}
    if b2 == len(pi) - 1:  # it may still fall: no trough was seen
        return found | {"b2_step": None, "b2_ratio": None, "b2_predicted": predicted[1]}
    return found | {"b2_step": b2, "b2_ratio": float(ratio[b2]), "b2_predicted": predicted[1]}


def exploitation_slope(case: Mapping[str, Any], rewards: list[float], group: int) -> tuple[float, float]:
    """Smallest and largest slope of ln π(O) against ln π(L) while O is much rarer than L.

    Args:
        case: Start, step size, steps, and the ratio o / l up to which to look.
        rewards: Of H, O, L.
        group: G.

    Returns:
        Both slopes.

    Raises:
        InputValueError: O is never that rare.
    """
    ratio, slopes = slopes_along(case, rewards, group)
    slopes = slopes[ratio < case["below"]]
    if not len(slopes):
        raise InputValueError(f"below={case['below']}", f"more than o / l at the start, {float(ratio[0]):g}", "0.06")
    return float(slopes.min()), float(slopes.max())


def slopes_along(
    case: Mapping[str, Any], rewards: list[float], group: int, scale: Scale = "population"
) -> tuple[Tensor, Tensor]:
    """Slope of ln π(O) against ln π(L) at every step.

    Args:
        case: Start, step size, steps.
        rewards: Of H, O, L.
        group: G.
        scale: What advantages are divided by.

    Returns:
        (T,) ratios o / l and (T,) slopes.
    """
    world = three_token(case["start"], rewards)
    pi = simulate(world, Grpo(scale=scale), case["eta"], case["steps"], group=group).pi[:, 0, 0, 0]
    rates = _log_rates(pi, world, group, scale)
    return pi[:, 0, O] / pi[:, 0, L], rates[:, O] / rates[:, L]


def exploration(case: Mapping[str, Any], rewards: list[float], group: int) -> dict[str, float | int | None]:
    """Steps until O overtakes H from l near 0.

    Args:
        case: o, step size, steps.
        rewards: Of H, O, L.
        group: G.

    Returns:
        Observed and predicted steps of GRPO and of negatives only; None where it did not happen.
    """
    o, low = case["o"], 1e-13
    world = three_token((1 - o - low, o, low), rewards)
    pi = simulate(world, [Grpo(), GrpoN(), GrpoP()], case["eta"], case["steps"], group=group).pi[:, :, 0, 0, 0]
    times: dict[str, float | int | None] = {}
    for place, arm in enumerate(("GRPO", "GRPO-N", "GRPO-P")):
        times[f"time/{arm}"] = first_step(pi[:, place, O] > pi[:, place, H])
    times["time_formula/GRPO"] = exploration_time(o, case["eta"], group)
    times["time_formula/GRPO-N"] = exploration_time(o, case["eta"], group, negatives_only=True)
    return times


def _log_rates(pi: Tensor, world: Bandit, group: int, scale: Scale) -> Tensor:
    # (T, 3) d ln π per unit step of GRPO.
    g = pi * mean_advantages(pi, world, group, scale)
    return (g - (pi * g).sum(-1, keepdim=True))[:, 0]


def _table(rows: list[dict[str, Any]]) -> Table:
    columns = [
        Column("scale", "advantages divided by"),
        Column("start", "(h, o, l) at the start"),
        Column("eta", "η", "plain"),
        Column("b2_step", "B2 at step", "integer"),
        Column("b2_ratio", "o / l there", "number"),
        Column("b2_predicted", "predicted", "number", "valid once h is near 1"),
        Column("b1_step", "B1 at step", "integer"),
        Column("b1_ratio", "o / l there", "number"),
        Column("b1_predicted", "predicted", "number"),
    ]
    shown = [row | {"start": ", ".join(f"{value:g}" for value in row["start"])} for row in rows]
    return Table("Boundaries predicted and observed", columns, shown, "GRPO, mean-field, every step looked at.")
